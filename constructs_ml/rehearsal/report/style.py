"""How the page looks, by day and by night."""

from __future__ import annotations

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --page: #f6f8fa; --card: #fff; --text: #1f2328; --line: #d1d9e0; --good: #1a7f37;
  --bad: #cf222e; --warn: #9a6700; --stack: #8250df; --execution: #6e7781; --job: #0969da; --function: #bf8700;
  --endpoint: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --card: #151b23; --text: #e6edf3; --line: #3d444d;
  --good: #3fb950; --bad: #f85149; --warn: #d29922; --stack: #a371f7; --execution: #8b949e; --job: #4493f8;
  --function: #d29922; --endpoint: #3fb950; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1320px; padding: 2rem 1rem 4rem; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { display: inline; font-size: 1.15rem; }
.note { opacity: 0.75; margin: 0.5rem 0; } .wide { overflow-x: auto; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
body > details, .numbers > div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
body > details { margin: 1rem 0; padding: 0.75rem 1rem; } summary { cursor: pointer; }
body > details[open] > summary { margin-bottom: 0.5rem; }
.count { border-radius: 1em; background: var(--line); padding: 0 0.6em; font-size: 0.85em; }
.numbers { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 0.75rem;
  margin: 1.25rem 0; }
.numbers > div { padding: 0.6rem 0.9rem; }
.numbers b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th { font-weight: 600; opacity: 0.75; } tr:last-child > td { border-bottom: 0; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1rem 0.3rem 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; min-width: 4rem; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { white-space: pre-wrap; margin: 0.25rem 0; padding: 0.5rem; background: var(--page); border-radius: 6px; }
.legend span { margin-right: 1.25rem; } .legend i { display: inline-block; width: 0.8em; height: 0.8em;
  border-radius: 3px; margin-right: 0.4em; }
.timeline text { font-size: 11px; fill: currentColor; } .timeline .name { text-anchor: end; }
.timeline .took, .timeline .second { opacity: 0.65; } .timeline .tick { stroke: var(--line); }
.stack i { background: var(--stack); } .execution i { background: var(--execution); }
.job i { background: var(--job); } .function i { background: var(--function); }
.endpoint i { background: var(--endpoint); }
.timeline rect.stack { fill: var(--stack); } .timeline rect.execution { fill: var(--execution); }
.timeline rect.job { fill: var(--job); } .timeline rect.function { fill: var(--function); }
.timeline rect.endpoint { fill: var(--endpoint); } .timeline rect.bad { stroke: var(--bad); stroke-width: 2; }
"""
