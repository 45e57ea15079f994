/**
 * How a report looks: narrow and wide, light and dark, and on paper, where all of it is unfolded.
 * @module
 */

/** The style sheet of the page. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #fff; --text: #1c2127; --quiet: #57606a; --line: #d5dae0; --panel: #f5f7f9;
  --good: #0f6b3a; --bad: #b3261e; --doubt: #7a4f00; --mark: #0b57d0;
  --base: #d7dde3; --main: #bcd7f5; --module: #cfe8d5; --standard: #e4d9f2; --data: #f7e1b5;
  --rest: #e6e6e6; --layer: #eef1f4;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #11151b; --text: #e3e7ec; --quiet: #a3adb8; --line: #313a45; --panel: #1a2028;
    --good: #6fd79b; --bad: #ff8f87; --doubt: #f0bf5f; --mark: #8ab4f8;
    --base: #37414c; --main: #1f4568; --module: #25482f; --standard: #43325c; --data: #574316;
    --rest: #333a42; --layer: #222a33;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main, header, footer { max-width: 70rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 50rem; }
a { color: var(--mark); }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--ground); padding: .5rem; }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.quiet { color: var(--quiet); }
.good { color: var(--good); } .bad { color: var(--bad); } .doubt { color: var(--doubt); }
code, .digest { font: .85em ui-monospace, monospace; }
dl.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  margin: 1rem 0; }
dl.numbers div { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem;
  padding: .5rem .75rem; }
dl.numbers dt { color: var(--quiet); font-size: .85rem; }
dl.numbers dd { margin: 0; font-size: 1.25rem; font-weight: 600; }
dl.numbers dd.words { font-size: 1rem; font-weight: 400; overflow-wrap: normal; }
dl.facts { display: grid; grid-template-columns: minmax(6rem, 9rem) 1fr; gap: .15rem .75rem;
  margin-top: .5rem; margin-bottom: .5rem; }
dl.facts dt { color: var(--quiet); } dl.facts dd { margin: 0; }
@media (max-width: 30rem) { dl.facts { grid-template-columns: 1fr; } dl.facts dd { margin-bottom: .35rem; } }
ul { margin: .25rem 0 .75rem; padding-left: 1.25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
.scroll table { min-width: 24rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; }
td.number, th.number { text-align: right; white-space: nowrap; overflow-wrap: normal; }
details { border-bottom: 1px solid var(--line); }
details > summary { cursor: pointer; padding: .45rem 0; }
details > :not(summary) { margin-left: 1rem; }
.name { font-weight: 600; }
.tag { display: inline-block; border: 1px solid currentColor; border-radius: 1rem; font-size: .8rem;
  padding: 0 .5rem; margin-left: .35rem; white-space: nowrap; }
.map { position: relative; aspect-ratio: 2; margin: .5rem 0; overflow: hidden; }
@media (max-width: 40rem) { .map { aspect-ratio: .8; } }
.map div { position: absolute; overflow: hidden; font-size: .75rem; line-height: 1.2; padding: .1rem .25rem;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; border-radius: 2px; }
.map .outer { border: 1px solid var(--line); white-space: nowrap; }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; list-style: none; font-size: .85rem; }
.key span { display: inline-block; width: .9em; height: .9em; margin-right: .35em; vertical-align: -.1em;
  border: 1px solid var(--line); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.k-base { background: var(--base); } .k-main { background: var(--main); }
.k-module { background: var(--module); } .k-standard { background: var(--standard); }
.k-data { background: var(--data); } .k-rest { background: var(--rest); }
.k-layer { background: var(--layer); }
footer { color: var(--quiet); font-size: .85rem; margin: 3rem auto 2rem; }
@media print {
  :root { color-scheme: light; }
  body { font-size: 9pt; } main, header, footer { max-width: none; padding: 0; }
  .skip { display: none; } h2, h3, summary { break-after: avoid; } tr, .map, dl.numbers div { break-inside: avoid; }
  .map { aspect-ratio: 2; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  .long details.image::details-content { display: none; }
}
`;
