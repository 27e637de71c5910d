// Light or dark as Airflow around this page; elsewhere as the browser prefers, which the style sheet sees to.

function airflow() {
  try {
    return window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return null; // another site's frame
  }
}

const around = airflow();
if (around) {
  const follow = () => {
    const theme = ["dark", "light"].find((name) => around.classList.contains(name) || around.dataset.theme === name);
    if (theme) document.documentElement.dataset.theme = theme;
  };
  follow();
  new MutationObserver(follow).observe(around, { attributes: true, attributeFilter: ["class", "data-theme"] });
}
