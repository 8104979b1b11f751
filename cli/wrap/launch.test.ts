import { expect, test } from 'vitest';
import { readGovernedLaunch } from './launch.ts';

for (const { words, want } of [
  { words: 'mcp-proxy -name a -- x', want: { proxy: 'mcp-proxy', ownWords: 4 } },
  { words: '/old/obsigna-mcp --name a -- x y', want: { proxy: '/old/obsigna-mcp', ownWords: 4 } },
  {
    words: '/n/node /o/mcp-proxy.cjs -name=a -rules r.yaml -- x',
    want: {
      node: '/n/node',
      proxy: '/o/mcp-proxy.cjs',
      rules: 'r.yaml',
      hadNoArgs: true,
      ownWords: 6,
    },
  },
  { words: 'node22 dist/mcp-proxy.cjs -name a -rules=r -- x', want: { rules: 'r', ownWords: 6 } },
  { words: 'mcp-proxy -name a -url https://x', want: { ownWords: 0 } },
  {
    words: 'mcp-proxy -name a -rules r -was url=url,type=http -url-env U',
    want: { ownWords: 0, rules: 'r', was: 'url=url,type=http' },
  },
  { words: 'mcp-proxy -- x', want: undefined },
  { words: 'mcp-proxy -name a --', want: undefined },
  { words: 'mcp-proxy --port 80 --shell -- tsx -name x', want: undefined },
  { words: 'uvx mcp-proxy -name a -- x', want: undefined },
  { words: 'node server.js -name a -- x', want: undefined },
  { words: 'node', want: undefined },
]) {
  test(`readGovernedLaunch() on ${words}`, () => {
    const found = readGovernedLaunch(words.split(' '));
    if (want === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(want);
  });
}
