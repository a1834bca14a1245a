const PROBE_EVERY_MS = 250;

/** Whether the database has stopped answering. While it has, nobody waits for it but a probe, which ends the outage. */
export interface Outage {
  isOn(): boolean;
  begin(): void;
  stop(): void;
}

export function watchOutage({ probe, onOver }: { probe(): Promise<void>; onOver(): void }): Outage {
  let isOn = false;
  let timer: NodeJS.Timeout | undefined;
  const ask = async (): Promise<void> => {
    const answers = await probe().then(
      () => true,
      () => false,
    );
    if (!isOn) return;
    if (!answers) {
      timer = setTimeout(ask, PROBE_EVERY_MS).unref();
      return;
    }
    isOn = false;
    onOver();
  };
  return {
    isOn: () => isOn,
    begin() {
      if (isOn) return;
      isOn = true;
      void ask();
    },
    stop() {
      isOn = false;
      clearTimeout(timer);
    },
  };
}
