"""The style sheet of the HTML report: light and dark, from one narrow column to a wide screen, nothing from outside."""

STYLE = """
:root { color-scheme: light dark; --paper: #fdfdfb; --ink: #1d2127; --faint: #666e78; --rule: #dcdfe3; --card: #fff;
  --met: #16703c; --missed: #b3361b; --notice: #fff6dc; --notice-rule: #d9a514;
  --line-0: #2463b5; --line-1: #c8571b; --line-2: #2e8540; --line-3: #8a3ea8; --line-4: #a1801a; --line-5: #14828c; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --ink: #e6e8ea; --faint: #9aa3ad; --rule: #333a42;
  --card: #1c2025; --met: #5fc98a; --missed: #ff8f70; --notice: #332a10; --notice-rule: #b98b10;
  --line-0: #74a9f0; --line-1: #f0965f; --line-2: #74c785; --line-3: #ca8ee0; --line-4: #dcbf5a; --line-5: #5fc7d1; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
.faint, figcaption, small { color: var(--faint); }
.statement { background: var(--notice); border-left: 4px solid var(--notice-rule); padding: .75rem 1rem;
  margin: 1.25rem 0; }
.statement p { margin: .25rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 44rem; font-size: .93rem; }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; color: var(--faint); white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.met { color: var(--met); font-weight: 600; } .missed { color: var(--missed); font-weight: 600; }
.sentence { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 1rem;
  margin: 0 0 1rem; }
.sentence > p { margin: 0 0 .5rem; }
.sounds { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; }
.sounds figure { margin: 0; min-width: 0; max-width: 30rem; }
.sounds img { width: 100%; height: 96px; display: block; border-radius: 4px; }
audio { width: 100%; height: 36px; margin-top: .4rem; display: block; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.25rem; }
.charts figure { margin: 0; min-width: 0; } svg { width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 11px; } .grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 1.6; }
.legend { margin: .2rem 0 0; font-size: .85rem; } .legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .9em; height: .25em; margin-right: .35em; vertical-align: middle; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
"""
