// What stands in a form is sent with its button only. When the form goes away before, because a
// session ended or the service was away, it comes back as it was typed. Nothing leaves the page.
(() => {
  if (window.auguryDrafts) return;
  const drafts = (window.auguryDrafts = new Map());
  const inForm = "[data-testid=stForm] :is(input[type=text]:not([autocomplete$=password]), input[type=number], textarea)";
  const nameOf = (box) =>
    [...(box.closest("[class*=st-key-]")?.classList ?? [])].find((one) => one.startsWith("st-key-"));

  document.addEventListener(
    "input",
    ({ target }) => {
      const name = target.matches(inForm) && !target.closest("[role=combobox]") && nameOf(target);
      if (name) drafts.set(name, target.value);
    },
    true,
  );
  // The server has it now.
  document.addEventListener(
    "click",
    ({ target }) => {
      const form = target.closest("[data-testid=stFormSubmitButton]")?.closest("[data-testid=stForm]");
      form?.querySelectorAll(inForm).forEach((box) => drafts.delete(nameOf(box)));
    },
    true,
  );

  const bringBack = (box) => {
    const draft = drafts.get(nameOf(box));
    if (draft === undefined || draft === box.value || box === document.activeElement) return;
    // As a person would: the page's own record of the value has to notice.
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(box), "value").set.call(box, draft);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
  };
  new MutationObserver((changes) => {
    if (!drafts.size) return;
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node.querySelectorAll)
          for (const box of [node, ...node.querySelectorAll(inForm)])
            if (box.matches(inForm)) setTimeout(bringBack, 0, box);
  }).observe(document.body, { childList: true, subtree: true });
})();
