// Opens pages in Chromium, on a screen and on a phone, light and dark, and prints as JSON what it sees. Started by peers_test.go.
import fs from "node:fs";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const { chromium, pages } = JSON.parse(process.argv[2]);
const axe = fs.readFileSync(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox"], headless: true });

async function look(file, width, scheme) {
	const page = await browser.newPage();
	const seen = { file, width, scheme, complaints: [] };
	page.on("console", message => seen.complaints.push(message.text()));
	page.on("pageerror", error => seen.complaints.push(String(error)));
	page.on("request", request => { if (!/^(file|data):/.test(request.url())) seen.complaints.push("asks for " + request.url()); });
	await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
	await page.setViewport({ width, height: 900, isMobile: width < 600 });
	await page.goto(pathToFileURL(file));
	Object.assign(seen, await page.evaluate(width => {
		const texts = (root, what) => [...root.querySelectorAll(what)].map(e => e.innerText.trim());
		return {
			overflow: document.documentElement.scrollWidth - width, // a phone would zoom out, and innerWidth grow
			background: getComputedStyle(document.body).backgroundColor,
			coverage: [...document.querySelectorAll("#rows tr")].map(row => [...row.cells].map(c => c.innerText.trim())),
			strips: [...document.querySelectorAll("#rows svg")].map(svg => Math.round(svg.getBoundingClientRect().width)),
			values: texts(document, "figcaption b"),
			lines: document.querySelectorAll(".plot path:first-of-type:not([d=''])").length,
			facts: texts(document, ".facts dd:nth-of-type(1)"),
		};
	}, width));
	// By keyboard alone: the first stop is the way past the head, and each stop is seen.
	await page.keyboard.press("Tab");
	seen.firstStop = await page.evaluate(() => document.activeElement.innerText);
	seen.firstStopSeen = await page.evaluate(() => document.activeElement.getBoundingClientRect().left >= 0);
	if (await page.$("#find")) {
		await page.type("#find", "应用 1400000017");
		seen.found = await page.evaluate(() => ({
			said: document.getElementById("found").textContent,
			rows: document.querySelectorAll("#rows tr:not([hidden])").length,
			articles: document.querySelectorAll("#apps article:not([hidden])").length,
		}));
		await page.select("#order", "activity");
		seen.order = await page.evaluate(() => [...document.querySelectorAll("#rows th")].slice(0, 3).map(e => e.innerText));
	}
	if (seen.found && (width < 600 || scheme === "dark")) { // a quarter of a minute each, and nothing new
		await page.close();
		return seen;
	}
	// The page's own policy lets nothing in, axe-core neither.
	await (await page.createCDPSession()).send("Page.setBypassCSP", { enabled: true });
	await page.reload();
	await page.evaluate(axe);
	seen.violations = await page.evaluate(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
		.map(v => `${v.id}: ${v.nodes.length} times, first ${v.nodes[0].html.slice(0, 200)}`));
	await page.close();
	return seen;
}

const all = [];
for (const file of pages)
	for (const width of [1280, 390])
		for (const scheme of ["light", "dark"]) all.push(await look(file, width, scheme));
await browser.close();
console.log(JSON.stringify(all));
