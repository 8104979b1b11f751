// Where the proxy finds it too; the rooms of programs do not see each other.
export * from '../shared/terminal.ts';
