/** What is wrong with a text, and where. Says nothing of what stands there: it may be a secret. */
export class TextFault extends Error {
  override readonly name = 'TextFault';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
