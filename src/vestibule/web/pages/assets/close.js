// Browsers close only what a script or a program has opened; elsewhere the page stays.
setTimeout(() => window.close(), 1500);
