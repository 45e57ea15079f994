/**
 * What a terminal showed, as a picture that moves by itself: SVG with an animation of CSS. Who wants no motion
 * sees how it ended.
 * @module
 */
import { COLUMNS, COMMAND, type Frame } from "./record.ts";

const SIZE = 14;
const LINE = 21;
/** Of a letter, as most fonts of one width have it. */
const LETTER = SIZE * 0.602;
const PADDING = 18;
const BAR = 34;
/** How long the picture moves at most, how long it stands at the end, and each frame at least, in seconds. */
const MOVES = 8;
const STANDS = 5;
const FRAME = 0.2;

/** The picture. Recordings that last longer than it may move are played faster. */
export function movingPicture(recorded: readonly Frame[]): string {
  const last = recorded.at(-1);
  if (last === undefined) throw new Error("Cannot draw a picture: nothing was recorded");
  const moves = Math.min(MOVES, last.at / 1000);
  const secondsOf = ({ at }: Frame) => at === 0 ? 0 : (moves * at) / last.at;
  const frames: Frame[] = [];
  for (const frame of recorded) {
    const before = frames.at(-1);
    if (before && frame !== last && secondsOf(frame) < secondsOf(before) + FRAME) continue;
    frames.push(frame);
  }
  const rows = Math.max(...frames.map(({ lines }) => lines.length));
  const inner = rows * LINE;
  const width = Math.ceil(COLUMNS * LETTER + 2 * PADDING);
  const height = BAR + inner + PADDING;
  const whole = moves + STANDS;
  // Frames lie below each other, and the film is moved behind a window.
  const steps = frames.map((frame, i) => {
    const share = i === 0 ? 0 : (100 * secondsOf(frame)) / whole;
    return `${share.toFixed(2)}%{transform:translateY(${-i * inner}px)}`;
  });
  const end = `translateY(${-(frames.length - 1) * inner}px)`;
  const film = frames.map(({ lines }, i) =>
    lines.map((line, row) => textLine(line, i * inner + row * LINE + SIZE + 1)).join("")
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" \
height="${height}" role="img" aria-labelledby="what">
<title id="what">A terminal: ${escaped(COMMAND)} shows a row for each image and platform, what is \
done with it, its size and its time, and in the end the references of the images.</title>
<style>
:root{--ground:#f6f8fa;--bar:#eaeef2;--edge:#d0d7de;--text:#1f2328;--faint:#6e7781;--command:#0550ae}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--bar:#161b22;--edge:#30363d;--text:#e6edf3;\
--faint:#8b949e;--command:#79c0ff}}
text{font:${SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;\
fill:var(--text);white-space:pre}
.c{fill:var(--command);font-weight:600}
.p{fill:var(--faint)}
.film{transform:${end}}
@media (prefers-reduced-motion:no-preference){.film{animation:film ${
    whole.toFixed(1)
  }s steps(1,end) infinite}}
@keyframes film{${steps.join("")}100%{transform:${end}}}
</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8" fill="var(--ground)" \
stroke="var(--edge)"/>
<path d="M1 ${BAR - 8}V9a8 8 0 0 1 8-8H${width - 9}a8 8 0 0 1 8 8V${BAR - 8}z" fill="var(--bar)"/>
<circle cx="18" cy="13.5" r="5" fill="#ff5f57"/><circle cx="35" cy="13.5" r="5" fill="#febc2e"/>\
<circle cx="52" cy="13.5" r="5" fill="#28c840"/>
<svg x="${PADDING}" y="${BAR}" width="${width - 2 * PADDING}" height="${inner}"><g class="film">
${film.join("\n")}
</g></svg>
</svg>
`;
}

function textLine(line: string, y: number): string {
  if (line === "") return "";
  const [, prompt, command = ""] = /^(\$)( .*)?$/.exec(line) ?? [];
  const shown = prompt === undefined
    ? escaped(line)
    : `<tspan class="p">$</tspan><tspan class="c">${escaped(command)}</tspan>`;
  return `<text y="${y}" xml:space="preserve">${shown}</text>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
