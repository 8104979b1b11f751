export function answerTail(bytes: number, receivedBytes: number): Buffer;
export const NOTIFICATION: Buffer;
