// Starts the interactive documentation, and follows the light or the dark of the machine.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  filter: true,
  // Nobody else is asked whether the description is valid.
  validatorUrl: null,
});
