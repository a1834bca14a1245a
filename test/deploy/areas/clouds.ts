import { awsRows } from '../clouds/aws-rows.ts';
import { gcloudRows } from '../clouds/gcloud-rows.ts';
import { schemaRows } from '../clouds/schema-rows.ts';
import { terraformRows } from '../clouds/terraform-rows.ts';
import type { Area } from '../row.ts';

export const clouds: Area = {
  name: 'clouds',
  title: 'AWS, Google Cloud, Azure: definitions, scripts, Terraform',
  rows: [...schemaRows, ...awsRows, ...gcloudRows, ...terraformRows],
};
