// What the echo server answers, for the server itself and for whoever checks that an answer came whole.
const PHRASE = 'The quick brown fox said \\"jump\\" over a lazy dog.\\nAnd so on, line by line. ';

/** What stands behind the id in the answer to `read_<bytes>`: so much text, and how long the call was. */
export function answerTail(bytes, receivedBytes) {
  const text = PHRASE.repeat(Math.ceil(bytes / PHRASE.length));
  const result = `{"content":[{"type":"text","text":"${text}"}],"isError":false,"_meta":{"received":${receivedBytes}}}`;
  return Buffer.from(`,"result":${result}}\n`);
}

/** One line of a server that talks while it works. */
export const NOTIFICATION = Buffer.from(
  `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"echo","data":"${PHRASE}"}}\n`,
);
