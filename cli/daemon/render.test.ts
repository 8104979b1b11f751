import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderPlist, renderUnit } from './render.ts';
import { serviceOf } from './service.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const UNITS = ['systemd/user/obsigna-daemon.service', 'systemd/system/obsigna-daemon.service'];
const PLIST = 'launchd/ai.obsigna.daemon.plist';

const ODD = '/opt/a "b" 100% $HOME \\ @FLAGS@';
const VALUES = {
  command: [`${ODD}/node`, `${ODD}/daemon.cjs`],
  flags: [`-config=${ODD}`],
  log: '/l & <m>',
} as const;

describe('renderUnit()', () => {
  for (const name of UNITS) {
    test(`quotes every word of ${name} for systemd`, () => {
      const unit = renderUnit(read(name), VALUES);
      const quoted = '/opt/a \\"b\\" 100%% $$HOME \\\\ @FLAGS@';
      const first = quoted.replace('$$', '$');
      expect(unit).toContain(
        `\nExecStart="${first}/node" "${quoted}/daemon.cjs" "-config=${quoted}"\n`,
      );
      expect(unit).toContain(
        `\nExecStartPre="${first}/node" "${quoted}/daemon.cjs" -init-if-missing "-config=${quoted}"\n`,
      );
      expect(unit).not.toContain('A template');
      expect(unit).not.toMatch(/@(NODE|DAEMON)@/);
    });
  }

  test('leaves nothing behind where the daemon is one program', () => {
    const unit = renderUnit(read(UNITS[0] as string), { command: ['/bin/d'], flags: [], log: '' });
    expect(unit).toContain('\nExecStart="/bin/d"\n');
  });

  test('refuses what would begin another line of the file', () => {
    const evil = { ...VALUES, command: ['/bin/x\nExecStartPost=/evil'] } as const;
    expect(() => renderUnit(read(UNITS[0] as string), evil)).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });
});

test('renderPlist() escapes what means something in XML', () => {
  const plist = renderPlist(read(PLIST), { ...VALUES, flags: ['-config=/a&b'] });
  expect(plist).toContain(`<string>${ODD}/node</string>\n    <string>${ODD}/daemon.cjs</string>\n`);
  expect(plist).toContain('<string>-config=/a&amp;b</string>\n  </array>');
  expect(plist).toContain('<string>/l &amp; &lt;m&gt;</string>');
  expect(plist).toContain('<string>-log-file=/l &amp; &lt;m&gt;</string>');
});

test('[D.units] every hardening line of the units says what it denies', () => {
  const hardening =
    /^(?:NoNew|Protect|Private|Restrict|SystemCall|Lock|Remove|Keyring|Limit|UMask|IPAddress|Capability|Ambient|Device|ProcSubset)\w*=/;
  for (const name of UNITS) {
    const lines = read(name).split('\n');
    const silent = lines.filter((line, at) => {
      if (!hardening.test(line)) return false;
      // The comment above the group of lines that it speaks of.
      const above = lines.slice(0, at).findLast((it) => !hardening.test(it)) ?? '';
      return !above.startsWith('#');
    });
    expect(silent).toEqual([]);
    expect(lines.filter((line) => hardening.test(line)).length).toBeGreaterThan(10);
  }
});

test('serviceOf() asks the manager of the platform, in its words', () => {
  const host = { platform: 'linux', env: {}, home: '/home/a', uid: 1000 } as const;
  const user = serviceOf(host, false);
  expect(user.file).toBe('/home/a/.config/systemd/user/obsigna-daemon.service');
  expect(user.commands.start).toEqual([['systemctl', '--user', 'start', 'obsigna-daemon.service']]);
  expect(user.logs?.(5, true)?.join(' ')).toBe(
    'journalctl --user -u obsigna-daemon.service -n 5 -f',
  );
  const system = serviceOf(host, true);
  expect(system.file).toBe('/etc/systemd/system/obsigna-daemon.service');
  expect(system.commands.reload).toEqual([['systemctl', 'reload', 'obsigna-daemon.service']]);
  const mac = serviceOf({ ...host, platform: 'darwin' }, false);
  expect(mac.file).toBe('/home/a/Library/LaunchAgents/ai.obsigna.daemon.plist');
  expect(mac.commands.start).toEqual([['launchctl', 'bootstrap', 'gui/1000', mac.file]]);
  expect(mac.commands.reload).toEqual([['launchctl', 'kill', 'HUP', 'gui/1000/ai.obsigna.daemon']]);
});
