// Light or dark as the page around, before anything is painted.
const around = window.parent === window ? null : window.parent.document.documentElement;
const prefers = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
  document.documentElement.classList.toggle("dark", around ? around.classList.contains("dark") : prefers.matches);
};
follow();
if (around) new MutationObserver(follow).observe(around, { attributeFilter: ["class"] });
else prefers.addEventListener("change", follow);
