#include "page_style.h"

namespace selfcure {

const char* const kPageStyle = R"css(
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1f2328;--muted:#59626c;--line:#d9dee4;
--grid:#e3e7ec;--link:#0a5c99;--heat:#00507f;--on-heat:#fff;--note:#fff6e0;--note-line:#d69a1d;
--right:#00704f;--wrong:#b34700;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#e69f00;--c5:#56b4e9;--c6:#4d4d4d;--c7:#a58a00}
@media (prefers-color-scheme:dark){:root{--page:#101317;--card:#181c22;--ink:#e4e8ed;--muted:#9aa5b1;
--line:#2f3741;--grid:#29303a;--link:#6fb7ee;--heat:#3d9ede;--on-heat:#0b0f14;--note:#2a2412;
--note-line:#b98a24;--right:#3fcf9f;--wrong:#ff9a52;
--c0:#4aa8e0;--c1:#f08a3c;--c2:#2fc498;--c3:#e19ac1;--c4:#f2b63c;--c5:#8fd0f5;--c6:#b4bcc5;--c7:#d3bb3a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:32px}
h1{font-size:1.8rem;line-height:1.2;margin:0 0 6px;overflow-wrap:anywhere}
h2{font-size:1.3rem;line-height:1.3;margin:44px 0 12px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:28px 0 8px}
p{margin:8px 0;max-width:76ch;overflow-wrap:anywhere}
ul{margin:8px 0;padding-left:22px;max-width:76ch}
li{margin:4px 0;overflow-wrap:anywhere}
a{color:var(--link)}
.lead,.hint,figcaption,caption,footer{color:var(--muted)}
.hint,figcaption,caption{font-size:.88rem;line-height:1.45}
footer{font-size:.82rem;padding-top:28px;padding-bottom:36px}
nav ul{display:flex;flex-wrap:wrap;gap:6px 8px;list-style:none;padding:0;margin:18px 0 0;max-width:none}
nav li{margin:0}
nav a{display:block;padding:3px 12px;border:1px solid var(--line);border-radius:16px;
background:var(--card);text-decoration:none;font-size:.88rem}
nav a:hover,nav a:focus-visible{border-color:var(--link)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(158px,1fr));gap:12px;margin:20px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:11px 14px}
.tile b{display:block;font-size:1.5rem;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
.tile span{display:block;font-size:.84rem;color:var(--muted);line-height:1.35}
.note{background:var(--note);border-left:4px solid var(--note-line);border-radius:4px;padding:8px 14px;
margin:12px 0;max-width:80ch;overflow-wrap:anywhere}
figure{margin:14px 0;background:var(--card);border:1px solid var(--line);border-radius:10px;
padding:12px 12px 10px;min-width:0;width:fit-content;max-width:100%}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px;
margin:14px 0}
.figures figure{margin:0;width:auto}
.scroll{overflow-x:auto;max-width:100%}
figcaption{margin-top:6px;max-width:76ch}
.plot{display:block;height:auto;max-width:100%}
.figures .plot{width:100%;max-width:640px}
.scroll>.plot.dense,.figures .plot.dense{max-width:none;width:auto}
.figures .tablebox{margin:0;align-self:start}
.ink{color:var(--ink)}.muted{color:var(--muted)}.grid{color:var(--grid)}.paper{color:var(--card)}
.heat{color:var(--heat)}.on-heat{color:var(--on-heat)}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}
.c4{color:var(--c4)}.c5{color:var(--c5)}.c6{color:var(--c6)}.c7{color:var(--c7)}
.tablebox{overflow-x:auto;margin:14px 0;max-width:100%;width:fit-content;background:var(--card);
border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:9px 12px 4px;caption-side:top}
th,td{padding:5px 12px;text-align:left;vertical-align:top;border-top:1px solid var(--grid)}
td.text{overflow-wrap:anywhere;min-width:9ch}
thead th{font-weight:600;color:var(--muted);border-top:0;vertical-align:bottom}
thead th.group{text-align:center;border-bottom:1px solid var(--line)}
tbody th{font-weight:500;min-width:12ch}
.number{text-align:right;white-space:nowrap}
tr.rule>*{border-top:2px solid var(--line)}
td small{color:var(--muted)}
.tablenotes{font-size:.85rem;color:var(--muted)}
.faces{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:12px;margin:14px 0}
.face{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:6px;font-size:.78rem;
line-height:1.35;margin:0;width:auto;overflow-wrap:anywhere}
.face img{display:block;width:100%;aspect-ratio:1;object-fit:cover;border-radius:5px;background:var(--grid);
margin-bottom:5px}
.face div+div{color:var(--muted)}
.verdict-right{border:2px solid var(--right)}
.verdict-wrong{border:2px dashed var(--wrong)}
.verdict{font-weight:600}
.verdict-right .verdict{color:var(--right)}.verdict-wrong .verdict{color:var(--wrong)}
details{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:0 14px;margin:14px 0}
summary{cursor:pointer;padding:10px 0;font-weight:600}
details[open]{padding-bottom:12px}
pre{overflow-x:auto;background:var(--page);border:1px solid var(--line);border-radius:6px;padding:10px 12px;
font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;margin:8px 0}
@media (max-width:520px){main,header,footer{padding-left:12px;padding-right:12px}header{padding-top:18px}
h1{font-size:1.45rem}.tiles{grid-template-columns:1fr 1fr;gap:8px}.tile{padding:9px 10px}
.tile b{font-size:1.2rem}figure{padding:8px}th,td{padding:5px 8px}
.faces{grid-template-columns:repeat(auto-fill,minmax(92px,1fr));gap:8px}}
@page{margin:14mm}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--muted:#444;--line:#bbb;--grid:#ddd;
--link:#000;--heat:#00507f;--on-heat:#fff;--note:#fff;--note-line:#888;--right:#00704f;--wrong:#b34700;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#e69f00;--c5:#56b4e9;--c6:#4d4d4d;--c7:#a58a00}
body{font-size:10.5pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
main,header,footer{max-width:none;padding-left:0;padding-right:0}nav{display:none}
h2,h3,summary{break-after:avoid}figure,.face,.tile,.note,tr{break-inside:avoid}
.figures{grid-template-columns:1fr 1fr}
.faces{grid-template-columns:repeat(6,1fr)}
.tablebox th,.tablebox td{white-space:normal;padding:2px 4px}.tablebox table{font-size:8pt}
.scroll,.tablebox,pre{overflow:visible}.scroll>.plot.dense{max-width:100%}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
details::details-content{content-visibility:visible;display:block;block-size:auto}}
)css";

}  // namespace selfcure
