import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { commitCount } from '../../bench/daemon.ts';
import { outlineWal, type WalOutline } from '../crash/wal.ts';
import { eventMembers, frame, RawClient } from '../fixtures/daemon-client.ts';
import { DaemonHome } from '../fixtures/daemon-process.ts';
import { excess } from './excess.ts';
import { LIMITS } from './limits.ts';

const WARM_UP = 40;
const ALONE = 60;
const TOGETHER = 64;
const TEXT = 'x'.repeat(300);

let home: DaemonHome | undefined;
afterEach(async () => {
  await home?.remove();
  home = undefined;
});

/** Pages that were written to the log, also where it begins again, as it may behind an idle moment. */
class PageCounter {
  readonly #path: string;
  #last: WalOutline | undefined;
  pages = 0;

  constructor(db: string) {
    this.#path = `${db}-wal`;
  }

  /** Behind every commit, so that no beginning is missed. */
  look(): void {
    const now = outlineWal(readFileSync(this.#path));
    const isSame = now.generation === this.#last?.generation;
    this.pages += now.frames - (isSame ? (this.#last?.frames ?? 0) : 0);
    this.#last = now;
  }
}

const report = (ack: number) => ({
  ack,
  call_id: `call-${ack}`,
  input: { path: '/srv/notes.txt', content: TEXT },
  output: { content: [{ type: 'text', text: TEXT }] },
});

test('a receipt costs the daemon what it has to, alone and among others [P7.counts]', async () => {
  home = new DaemonHome();
  await home.start();
  const { db } = home;
  const client = await RawClient.connect(home.socket);
  const log = new PageCounter(db);
  let ack = 0;
  const askAlone = async (count: number) => {
    for (let i = 0; i < count; i += 1) {
      ack += 1;
      expect(await client.ask(report(ack))).toMatchObject({ ok: true });
      log.look();
    }
  };
  const count = () => ({ commits: commitCount(db), pages: log.pages });
  await askAlone(WARM_UP);
  const first = count();
  await askAlone(ALONE);
  const second = count();
  const frames = Array.from({ length: TOGETHER }, () => frame(eventMembers(report((ack += 1)))));
  client.write(Buffer.concat(frames));
  expect(await client.reply(ack)).toMatchObject({ ok: true });
  log.look();
  const third = count();
  expect(client.replies).toHaveLength(WARM_UP + ALONE + TOGETHER);

  expect(
    excess(LIMITS.daemon, {
      commitsAlone: (second.commits - first.commits) / ALONE,
      commitsTogether: (third.commits - second.commits) / TOGETHER,
      pagesAlone: (second.pages - first.pages) / ALONE,
      pagesTogether: (third.pages - second.pages) / TOGETHER,
    }),
  ).toEqual([]);
});
