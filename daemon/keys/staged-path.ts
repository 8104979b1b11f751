/**
 * The incoming pair waits beside the one in use, under this name, from before the rotation is
 * recorded until both files are replaced. So a file of this name is the mark of a rotation under
 * way, and the receipt in the store says whether it is to be finished or undone.
 */
export function stagedPathOf(path: string): string {
  return `${path}.rotating`;
}
