/** FNV-1a over a text's UTF-16 units, 32 bits: a name, not a proof. Twin: `fnv1a` in pestwatch/catalogs.py. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
