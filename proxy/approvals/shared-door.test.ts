import { expect, test } from 'vitest';
import { FakeDoor } from '../../test/fixtures/proxy-door.ts';
import type { Desk } from './door.ts';
import type { Question } from './question.ts';
import { SharedDoor } from './shared-door.ts';

test('SharedDoor brings what it hears to the desk that has asked, and closes with the last', () => {
  const door = new FakeDoor();
  const shared = new SharedDoor(door);
  const heard: string[] = [];
  const desk = (name: string): Desk => ({
    answer: (id) => {
      heard.push(`${name} answers ${id}`);
      return 'taken';
    },
    closed: (id) => void heard.push(`${name} closed ${id}`),
    turnedAway: (_, why) => void heard.push(`${name} ${why}`),
  });
  const [one, two] = [shared.branch(), shared.branch()];
  one.attach(desk('one'));
  two.attach(desk('two'));
  const question = { id: 'q2' } as Question;
  two.ask(question);
  door.answer({}, question);
  two.takeBack(question);
  door.answer({}, question);
  door.desk.turnedAway('http', 'wrong token');
  door.answer({}, { id: 'nobody' } as Question);
  expect(heard).toEqual([
    'two answers q2',
    'two answers q2',
    'one wrong token',
    'one answers nobody',
  ]);
  one.close();
  expect(door.isClosed).toBe(false);
  two.close();
  expect(door.isClosed).toBe(true);
});
