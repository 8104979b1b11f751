import { describe, expect, test } from 'vitest';
import { parseHttpConfig } from './http-config.ts';
import { readHttpOptions, settingsOfFlags } from './http-options.ts';

describe('parseHttpConfig()', () => {
  test('reads several servers; paths begin at the folder of the file', () => {
    const text = `listen: "127.0.0.1:5000"
rules: rules.yaml
allow_origins: [ "HTTP://localhost:6274" ]
upstreams:
  - {name: github, url: "https://api.example/mcp", rules: /etc/github.yaml}
  - {name: files, url: "http://127.0.0.1:9/", path: /f/x, ca: ca.pem}
`;
    expect(parseHttpConfig(text, '/etc/obsigna/http.yaml')).toEqual({
      listen: { host: '127.0.0.1', port: 5000 },
      hosts: [],
      origins: ['http://localhost:6274'],
      publicOrigin: undefined,
      isRemote: false,
      tokenFile: undefined,
      upstreams: [
        {
          name: 'github',
          isNamed: true,
          prefix: '/github',
          url: new URL('https://api.example/mcp'),
          rules: '/etc/github.yaml',
          ca: undefined,
        },
        {
          name: 'files',
          isNamed: true,
          prefix: '/f/x',
          url: new URL('http://127.0.0.1:9/'),
          rules: '/etc/obsigna/rules.yaml',
          ca: '/etc/obsigna/ca.pem',
        },
      ],
    });
  });

  for (const { name, text, want } of [
    {
      name: 'an unknown key',
      text: 'upstream: []\n',
      want: /^f:1:1: unknown key "upstream"; did you mean "upstreams"\?/,
    },
    { name: 'nothing', text: '', want: /^f:1:1: the file is empty/ },
    { name: 'no server', text: 'upstreams: []\n', want: /^f:1:12: "upstreams" must be a list/ },
    {
      name: 'a key of a server',
      text: 'upstreams:\n  - {name: a, url: "http://h/", rule: x}\n',
      want: /^f:2:33: unknown key "rule"/,
    },
    {
      name: 'no address',
      text: 'upstreams:\n  - {name: a}\n',
      want: /^f:2:5: a server needs "name" and "url"/,
    },
    {
      name: 'another protocol',
      text: 'upstreams: [{name: a, url: "ftp://h/"}]\n',
      want: /is no address/,
    },
    {
      name: 'credentials',
      text: 'upstreams: [{name: a, url: "https://u:p@h/"}]\n',
      want: /credentials/,
    },
    {
      name: 'a name that is no path',
      text: 'upstreams: [{name: a b, url: "https://h/"}]\n',
      want: /no path of ours/,
    },
    {
      name: 'two of a name',
      text: 'upstreams: [{name: a, url: "https://h/"}, {name: a, url: "https://i/", path: /b}]\n',
      want: /another server has the name "a"/,
    },
    {
      name: 'two of a path',
      text: 'upstreams: [{name: a, url: "https://h/"}, {name: b, url: "https://i/", path: /a}]\n',
      want: /another server has the path/,
    },
    {
      name: 'a path below another',
      text: 'upstreams: [{name: a, url: "https://h/"}, {name: b, url: "https://i/", path: /a/b}]\n',
      want: /another server has the path/,
    },
    {
      name: 'an open listener',
      text: 'listen: "0.0.0.0:1"\nupstreams: [{name: a, url: "https://h/"}]\n',
      want: /^f:1:9: 0\.0\.0\.0 can be reached from other machines/,
    },
    {
      name: 'a bad address',
      text: 'listen: here\nupstreams: [{name: a, url: "https://h/"}]\n',
      want: /^f:1:9: "listen" is "here"/,
    },
    {
      name: 'no flag',
      text: 'allow_remote: maybe\nupstreams: [{name: a, url: "https://h/"}]\n',
      want: /^f:1:15: "allow_remote" must be true or false/,
    },
  ]) {
    test(`refuses ${name}, with its place [P8.http-config]`, () => {
      const parse = () => parseHttpConfig(text, 'f');
      expect(parse).toThrow(expect.objectContaining({ code: 'HTTP_CONFIG_INVALID' }));
      expect(parse).toThrow(want);
    });
  }
});

describe('readHttpOptions()', () => {
  const settings = (...args: string[]) => settingsOfFlags(readHttpOptions(args, {}).values);

  test('names a server after its host', () => {
    expect(settings('-upstream', 'https://api.example/mcp')).toMatchObject({
      listen: { host: '127.0.0.1', port: 4100 },
      upstreams: [{ name: 'api.example', isNamed: false, prefix: '' }],
    });
  });

  for (const { args, want } of [
    { args: ['-upstream', 'https://h/', '-public', 'proxy.example'], want: 'is no origin' },
    { args: [], want: 'give either -upstream URL or -config FILE' },
    { args: ['-upstream', 'https://h/', '-config', 'f'], want: 'give either' },
    { args: ['-config', 'f', '-rules', 'g'], want: '-rules stands in the file' },
    { args: ['-upstream', 'here'], want: 'is no address' },
    { args: ['-upstream', 'https://h/', 'word'], want: 'unexpected argument "word"' },
    { args: ['-upstream', 'https://h/', '-listen', '0.0.0.0:1'], want: '-allow-remote' },
    {
      args: ['-upstream', 'https://h/', '-listen', '[::]:1', '-allow-remote'],
      want: '-token-file',
    },
    { args: ['-upstream', 'https://h/', '-require-receipt', '-socket='], want: 'needs a daemon' },
  ]) {
    test(`refuses ${args.join(' ') || 'nothing'} [P8.http-config]`, () => {
      expect(() => settings(...args)).toThrow(want);
    });
  }
});
