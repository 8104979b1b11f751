export function openEnvelope(
  envelope: { readonly recipients: readonly [{ readonly enc: string }]; readonly ct: string },
  privateBytes: Uint8Array,
): string;
