/** Puts Opus packets into a WebM file in memory: one that any <audio> plays, made of as many clips as a sentence needs. */

/** As pestwatch/sound/opus.py cuts them. */
const PACKET_MS = 60;
/** A block's time is told from its cluster's in 16 bits; this stays well below. */
const CLUSTER_MS = 30_000;
/** What Opus decoders need before sound is right. Source: RFC 7845, 4.6. */
const SEEK_PREROLL_NS = 80_000_000;
const PRE_SKIP = 312;

type Bytes = number[];

/** The packets of a clip, each after its length: one byte, or two from 252 on. Source: RFC 6716, 3.2.1. */
export function packetsOf(clip: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < clip.length; ) {
    let size = clip[at++] as number;
    if (size >= 252) size += 4 * (clip[at++] as number);
    packets.push(clip.subarray(at, at + size));
    at += size;
  }
  return packets;
}

export function webmOf(clips: Uint8Array[]): Uint8Array {
  const packets = clips.flatMap(packetsOf);
  const clusters: Bytes[] = [];
  const each = CLUSTER_MS / PACKET_MS;
  for (let first = 0; first < packets.length; first += each) {
    const blocks = packets.slice(first, first + each).map((packet, i) => {
      const ms = i * PACKET_MS;
      return element(0xa3, [0x81, ms >> 8, ms & 0xff, 0x80, ...packet]);
    });
    clusters.push(element(0x1f43b675, element(0xe7, uint(first * PACKET_MS)), ...blocks));
  }
  const seconds = element(0x4489, float(packets.length * PACKET_MS));
  const names = [element(0x4d80, ascii("pestwatch")), element(0x5741, ascii("pestwatch"))];
  const info = element(0x1549a966, element(0x2ad7b1, uint(1_000_000)), seconds, ...names);
  return new Uint8Array([...HEADER, ...element(0x18538067, info, TRACKS, ...clusters)]);
}

const ascii = (text: string): Bytes => [...text].map((letter) => letter.charCodeAt(0));

/** Four bytes, largest first; enough for every number here. */
const uint = (n: number): Bytes => [(n >>> 24) & 0xff, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff];

function float(n: number): Bytes {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setFloat32(0, n);
  return uint(bytes.getUint32(0));
}

/** An EBML element: its id as it is written, its length in four bytes, its content. */
function element(id: number, ...content: Bytes[]): Bytes {
  const inside = content.flat();
  const written = uint(id);
  return [...written.slice(written.findIndex((byte) => byte > 0)), ...uint(0x10000000 | inside.length), ...inside];
}

const HEADER = element(
  0x1a45dfa3,
  element(0x4286, [1]),
  element(0x42f7, [1]),
  element(0x42f2, [4]),
  element(0x42f3, [8]),
  element(0x4282, ascii("webm")),
  element(0x4287, [4]),
  element(0x4285, [2]),
);

const OPUS_HEAD = [...ascii("OpusHead"), 1, 1, PRE_SKIP & 0xff, PRE_SKIP >> 8, 0x80, 0x3e, 0, 0, 0, 0, 0];

const TRACKS = element(
  0x1654ae6b,
  element(
    0xae,
    element(0xd7, [1]),
    element(0x73c5, [1]),
    element(0x83, [2]),
    element(0x86, ascii("A_OPUS")),
    element(0x63a2, OPUS_HEAD),
    element(0x56aa, uint((PRE_SKIP * 1_000_000) / 48)),
    element(0x56bb, uint(SEEK_PREROLL_NS)),
    element(0xe1, element(0xb5, float(48_000)), element(0x9f, [1])),
  ),
);
