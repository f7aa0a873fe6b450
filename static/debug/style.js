/** How the overlay looks. It is a sheet made by script, which a policy for inline styles does not stop. */
export const style = `
:host { all: initial; }
* { box-sizing: border-box; }
.panel, .toggle {
  position: fixed; z-index: 2147483647; right: 12px;
  font: 14px/1.45 system-ui, sans-serif; color: #1b1f24; color-scheme: light;
}
.panel {
  bottom: 64px; width: min(440px, calc(100vw - 24px)); max-height: min(60vh, 640px); overflow: auto;
  padding: 14px 16px; border-radius: 12px; background: #fff;
  box-shadow: 0 0 0 1px #d5d9df, 0 12px 40px #1b1f2433; overscroll-behavior: contain;
}
.panel[hidden] { display: none; }
.toggle {
  bottom: 12px; min-height: 44px; padding: 0 18px; border: 0; border-radius: 22px; cursor: pointer;
  background: #1b1f24; color: #fff; font-weight: 600;
}
.toggle:focus-visible, summary:focus-visible { outline: 3px solid #4c8dff; outline-offset: 2px; }
h2 { margin: 0; font-size: 16px; }
.consent { margin: 2px 0 10px; color: #57606a; }
ol, ul { margin: 0; padding: 0; list-style: none; }
ol > li { padding: 9px 0; border-top: 1px solid #e6e9ed; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.from { color: #57606a; }
.state { display: inline-block; padding: 0 8px; border-radius: 10px; }
.good { background: #dcf5e3; color: #0b5b2b; }
.bad { background: #fde2e0; color: #8b1a12; }
.waits { background: #fdf2cf; color: #694f00; }
.notes > li { margin-top: 5px; padding-left: 12px; border-left: 3px solid #d9822b; }
pre {
  margin: 8px 0 0; padding: 10px; border-radius: 8px; background: #f3f5f7; white-space: pre-wrap;
  overflow-wrap: anywhere; font: 12.5px/1.5 ui-monospace, monospace;
}
pre:empty { display: none; }
`;
