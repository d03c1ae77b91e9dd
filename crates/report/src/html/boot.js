// Before anything is drawn: which view, and which colours.
"use strict";
{
  const root = document.documentElement;
  root.classList.add("js");
  const target = decodeURIComponent(location.hash.slice(1).split("?")[0]);
  const views = ["overview", "findings", "unread", "about"];
  root.dataset.view = views.includes(target) ? target : /^[0-9a-f]{32}$/.test(target) ? "findings" : "overview";
  let chosen = null;
  // A sandboxed page has no storage, and asking for it throws.
  try { chosen = localStorage.getItem("posture-theme"); } catch { chosen = null; }
  if (chosen === "dark" || chosen === "light") {
    document.getElementById("dark").media = chosen === "dark" ? "screen" : "not all";
  }
}
