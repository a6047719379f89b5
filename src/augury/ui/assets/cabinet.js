// What Streamlit leaves out for people who cannot see or use a mouse. It puts its elements in as it
// likes, so they are looked over whenever something has changed. `words` are what it says in
// English, each with ours.
(words) => {
  window.auguryWords = words;
  if (window.auguryMend) {
    window.auguryMend();
    return;
  }
  const NAMES = ["aria-label", "placeholder", "title", "alt", "aria-valuetext"];
  const said = new WeakMap();

  const inOurWords = (theirs) => {
    const known = window.auguryWords;
    if (Object.hasOwn(known, theirs)) return known[theirs];
    for (const [start, text] of Object.entries(known)) {
      if (text.includes("{}") && theirs.startsWith(start)) {
        return text.replace("{}", theirs.slice(start.length));
      }
    }
    return theirs;
  };

  // Remembers what was said first, so that another language can be chosen.
  const say = (element, name, now, put) => {
    const before = said.get(element) ?? {};
    const theirs = before[name]?.ours === now ? before[name].theirs : now;
    const ours = inOurWords(theirs);
    said.set(element, { ...before, [name]: { theirs, ours } });
    if (ours !== now) put(ours);
  };

  const set = (element, name, value) => {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  const mend = () => {
    for (const name of NAMES) {
      for (const one of document.querySelectorAll(`[${name}]`)) {
        say(one, name, one.getAttribute(name), (ours) => one.setAttribute(name, ours));
      }
    }
    for (const one of document.querySelectorAll("[data-testid=stSkipToContent]")) {
      say(one, "text", one.textContent, (ours) => (one.firstChild.nodeValue = ours));
    }
    // Icons repeat what stands beside them.
    for (const one of document.querySelectorAll("[role=img][translate=no]")) {
      set(one, "aria-hidden", "true");
    }
    // Lists of the menu have headings between their items, which no list may have.
    for (const list of document.querySelectorAll("[data-testid=stSidebarNavItems]")) {
      set(list, "role", "presentation");
      for (const item of list.querySelectorAll("li")) set(item, "role", "presentation");
    }
    // What can be scrolled must be reached without a mouse.
    const wide = "pre, [data-testid=stTable] > div, [data-testid=stMarkdownContainer] table";
    for (const one of document.querySelectorAll(wide)) {
      if (one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight) {
        set(one, "tabindex", "0");
      } else {
        one.removeAttribute("tabindex");
      }
    }
  };

  let isPlanned = false;
  window.auguryMend = () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      mend();
    });
  };
  new MutationObserver(window.auguryMend).observe(document.body, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: NAMES,
  });
  window.addEventListener("resize", window.auguryMend);
  // The words in charts have the ink of the theme that the script knew: it runs again by
  // Streamlit's own key, which leaves alone what is typed.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    const rerun = { key: "r", code: "KeyR", keyCode: 82, which: 82, bubbles: true };
    setTimeout(() => document.dispatchEvent(new KeyboardEvent("keydown", rerun)), 200);
  });
  document.addEventListener(
    "click",
    (event) => {
      // Link buttons lead on in the same tab: Streamlit's own way is a new one.
      const link = event.target.closest("[data-testid=stLinkButton] a");
      if (link) link.target = "_self";
    },
    true,
  );
  window.auguryMend();
};
