import type { Answer, Desk, Door, DoorName, Reception } from './door.ts';
import type { Question } from './question.ts';

/** Questions whose desk is remembered, so that a second answer is known for one. */
const MAX_REMEMBERED = 4096;

/**
 * One door for the questions of several servers. Each has a branch of it; what is heard goes to the
 * desk that has asked.
 */
export class SharedDoor implements Desk {
  readonly #door: Door;
  readonly #desks = new Set<Desk>();
  readonly #asked = new Map<string, Desk>();

  constructor(door: Door) {
    this.#door = door;
    door.attach(this);
  }

  branch(): Door {
    let desk: Desk | undefined;
    const door = this.#door;
    return {
      name: door.name,
      ...(door.url !== undefined && { url: door.url }),
      attach: (given) => {
        desk = given;
        this.#desks.add(given);
      },
      isOpenFor: (call) => door.isOpenFor(call),
      ask: (question) => {
        if (desk !== undefined) this.#remember(question, desk);
        door.ask(question);
      },
      takeBack: (question) => door.takeBack(question),
      close: () => {
        if (desk !== undefined) this.#desks.delete(desk);
        if (this.#desks.size === 0) door.close();
      },
    };
  }

  answer(id: string, answer: Answer): Reception {
    // A question that nobody has asked is recorded once, by whoever comes first.
    return (this.#asked.get(id) ?? this.#first)?.answer(id, answer) ?? 'APPROVAL_UNKNOWN';
  }

  closed(id: string, door: DoorName): void {
    this.#asked.get(id)?.closed(id, door);
  }

  turnedAway(door: DoorName, why: string): void {
    this.#first?.turnedAway(door, why);
  }

  get #first(): Desk | undefined {
    const [first] = this.#desks;
    return first;
  }

  #remember({ id }: Question, desk: Desk): void {
    this.#asked.set(id, desk);
    const [oldest] = this.#asked.keys();
    if (this.#asked.size > MAX_REMEMBERED && oldest !== undefined) this.#asked.delete(oldest);
  }
}
