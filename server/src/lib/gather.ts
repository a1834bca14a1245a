/**
 * Asks together what is asked at the same moment. An item leaves at once while fewer than `lanes` askings are under way;
 * else it waits for one of them to come back and leaves with all that have gathered meanwhile. So nobody waits for
 * company, and under load one round trip serves many. What fails, fails for all that were asked together.
 */
export function gatherer<Item, Answer>(
  ask: (items: readonly Item[]) => Promise<readonly Answer[]>,
  { lanes, most }: { lanes: number; most: number },
): (item: Item) => Promise<Answer> {
  let waiting: Asked<Item, Answer>[] = [];
  let running = 0;
  let isDue = false;

  const leave = (): void => {
    const together = waiting.slice(0, most);
    waiting = waiting.slice(most);
    running += 1;
    ask(together.map(({ item }) => item))
      .then(
        (answers) => {
          for (const [at, { resolve }] of together.entries()) resolve(answers[at] as Answer);
        },
        (error) => {
          for (const { reject } of together) reject(error);
        },
      )
      .finally(() => {
        running -= 1;
        leaveAll();
      });
  };
  const leaveAll = (): void => {
    isDue = false;
    while (running < lanes && waiting.length > 0) leave();
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isDue || running >= lanes) return;
      isDue = true; // what else arrives in this turn of the event loop comes along
      setImmediate(leaveAll);
    });
}

interface Asked<Item, Answer> {
  readonly item: Item;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}
