/** The stylesheet of all HTML reports. Colours are variables, so that dark mode is one block. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--panel:#fff;--ink:#181c22;--muted:#5f6b7a;--faint:#98a1ae;--line:#e3e7ec;--wash:#eef1f5;
--accent:#2b63e3;--accent-wash:#e3ebfd;--good:#0b7a53;--good-wash:#dcf3e8;--warn:#a4510a;--warn-wash:#fdf0dc;--bad:#b42334;
--input:#7a8696;--linear:#2b63e3;--polynomial:#c2700a;--product:#a838a8;--refresh:#12855a}
@media (prefers-color-scheme:dark){:root{--bg:#0e1116;--panel:#161b22;--ink:#e8ebef;--muted:#9aa5b4;--faint:#6b7685;--line:#272f3a;--wash:#1d242d;
--accent:#77a5ff;--accent-wash:#1b2a4a;--good:#4cc796;--good-wash:#12342a;--warn:#f0b056;--warn-wash:#3a2a12;--bad:#ff7b88;
--input:#8a96a6;--linear:#77a5ff;--polynomial:#f0a94e;--product:#e08ae0;--refresh:#4fcf9b}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
header{margin-bottom:24px}
.kicker{color:var(--muted);font-size:13px;letter-spacing:.04em;text-transform:uppercase;margin:0}
h1{font-size:30px;line-height:1.2;margin:2px 0 10px;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 4px;letter-spacing:-.005em}
h3{font-size:14px;margin:0 0 8px;font-weight:600}
p{margin:0 0 12px}
.lead{font-size:17px;max-width:46em}
.about{color:var(--muted);max-width:50em;margin-bottom:16px}
.badges{display:flex;flex-wrap:wrap;gap:8px;margin:12px 0 0;padding:0;list-style:none}
.badge{background:var(--wash);border-radius:99px;padding:3px 12px;font-size:13px}
.badge.good{background:var(--good-wash);color:var(--good)}.badge.warn{background:var(--warn-wash);color:var(--warn)}
section{background:var(--panel);border:1px solid var(--line);border-radius:14px;padding:22px 24px;margin-top:18px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:10px;margin-top:22px}
.tile{background:var(--panel);border:1px solid var(--line);border-radius:14px;padding:13px 14px}
.tile .name{color:var(--muted);font-size:13px}.tile .value{font-size:22px;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums;white-space:nowrap}
.tile .note{color:var(--muted);font-size:12.5px;line-height:1.4}
.split{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:28px}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th{color:var(--muted);font-weight:500;font-size:12.5px;text-align:left;white-space:nowrap}
th,td{padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:middle}
tr:last-child>td,tr:last-child>th{border-bottom:0}
td.number,th.number{text-align:right;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:6px 20px;margin:0;font-size:14px}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
code,.mono{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
ul.plain{margin:0;padding-left:18px}ul.plain li{margin:4px 0}
.muted{color:var(--muted)}.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.callout{background:var(--warn-wash);border-color:transparent}
.bar{position:relative;height:8px;border-radius:4px;background:var(--wash);overflow:hidden}
.bar>i{position:absolute;inset:0 auto 0 0;border-radius:4px;background:var(--accent)}
.bar.measured>i{background:var(--good)}.bar.risk>i{background:var(--warn)}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;color:var(--muted);font-size:13px;margin-bottom:10px}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px;background:var(--accent)}
.flow{font-size:14px;font-variant-numeric:tabular-nums}
.flow .row{display:grid;grid-template-columns:var(--rail) minmax(170px,1.5fr) minmax(130px,1.2fr) 92px 96px 86px minmax(150px,1.1fr);gap:0 14px;height:58px;align-items:center;border-bottom:1px solid var(--line)}
.flow .row:last-child{border-bottom:0}.flow .row.head{height:30px;color:var(--muted);font-size:12.5px}
.flow .row>*{min-width:0}.flow .rail{height:58px;display:block}
.flow .name{font-weight:600;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.flow .sub{color:var(--muted);font-size:12.5px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.flow .kind{font-weight:500}.kind.input{color:var(--input)}.kind.linear{color:var(--linear)}.kind.polynomial{color:var(--polynomial)}.kind.product{color:var(--product)}.kind.refresh{color:var(--refresh)}
.time{display:flex;align-items:center;gap:8px}.time .bar{flex:1}.time span{width:58px;text-align:right;font-size:12.5px;white-space:nowrap}
svg{display:block;max-width:100%}svg text{fill:var(--muted);font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
svg .strong{fill:var(--ink);font-weight:600}svg .axis{stroke:var(--line)}svg .grid{stroke:var(--line);stroke-dasharray:2 4}
svg .fill{fill:var(--accent)}svg .fill2{fill:var(--good)}svg .fill3{fill:var(--polynomial)}
svg .line{stroke:var(--accent);fill:none;stroke-width:2}svg .thin{fill:none;stroke-width:1.3;opacity:.75}
svg .area{fill:var(--accent-wash)}svg .refresh{fill:none;stroke:var(--refresh);stroke-width:1.5;stroke-linejoin:round}
.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:12px;margin:0;padding:0;list-style:none}
.samples li{border:1px solid var(--line);border-radius:10px;padding:8px;font-size:12.5px;line-height:1.4}
.samples img,.samples .blank{display:block;width:100%;aspect-ratio:1;image-rendering:pixelated;border-radius:6px;background:var(--wash);margin-bottom:6px}
.samples .class{font-size:15px;font-weight:650}
.confusion{width:auto}.confusion td,.confusion th{padding:0;width:34px;height:30px;text-align:center;border:1px solid var(--panel);font-size:13px}
.confusion td{background:color-mix(in srgb,var(--accent) var(--share),var(--wash))}.confusion td.off{background:color-mix(in srgb,var(--bad) var(--share),var(--wash))}
details summary{cursor:pointer;color:var(--accent);font-size:14px}details[open] summary{margin-bottom:8px}
.steps{columns:9em;font-size:12.5px}
footer{color:var(--muted);font-size:13px;margin-top:24px}
@media (max-width:720px){main{padding:20px 12px 40px}section{padding:18px 14px}h1{font-size:24px}.tile .value{font-size:21px}
.tiles{grid-template-columns:repeat(2,1fr)}
.flow .row{grid-template-columns:var(--rail) 1fr 124px}.flow .wide{display:none}
dl{grid-template-columns:1fr}dd{margin-bottom:8px}}
@media print{body{background:#fff}section,.tile{break-inside:avoid}}
`;
