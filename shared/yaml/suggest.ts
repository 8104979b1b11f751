const MAX_DISTANCE = 2;
const MAX_LENGTH = 40;
const MIN_PART = 3;

/**
 * The known word a mistyped one was probably meant to be: at most two edits away, or a part of it
 * (`tool` for `tool_pattern`). Absent when nothing is close enough to be worth saying.
 */
export function suggestWord(typed: string, known: readonly string[]): string | undefined {
  if (typed.length > MAX_LENGTH) return undefined;
  const word = typed.toLowerCase().replaceAll('-', '_');
  const distances = known.map((candidate) => ({
    candidate,
    distance: editDistance(word, candidate),
  }));
  distances.sort((a, b) => a.distance - b.distance);
  const nearest = distances[0];
  // Two edits turn any short word into any other, so a short word has to be nearer.
  if (nearest !== undefined && nearest.distance <= Math.min(MAX_DISTANCE, word.length / 2)) {
    return nearest.candidate;
  }
  if (word.length < MIN_PART) return undefined;
  return known.find((candidate) => candidate.includes(word) || word.includes(candidate));
}

/** Levenshtein: the fewest characters to insert, remove or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
