"use strict";
// Finds and orders apps where there are many. Without it the page is whole.
(() => {
	const find = document.getElementById("find");
	if (!find) return;
	const order = document.getElementById("order"), found = document.getElementById("found");
	const list = document.getElementById("apps"), rows = document.getElementById("rows");
	const apps = [...list.children].map((article, at) => ({
		article, at, row: rows.children[at], key: article.querySelector("h3").textContent.toLowerCase(),
		activity: -article.dataset.activity, fall: +article.dataset.fall, lacks: -article.dataset.lacks,
	}));
	find.closest("[hidden]").hidden = false;
	find.addEventListener("input", () => {
		const words = find.value.toLowerCase().split(/\s+/);
		let n = 0;
		for (const app of apps) {
			const shown = words.every(word => app.key.includes(word));
			app.article.hidden = app.row.hidden = !shown;
			n += shown;
		}
		found.textContent = `${n} of ${apps.length} apps`;
	});
	order.addEventListener("change", () => {
		const by = order.value;
		apps.sort((a, b) => (by === "name" ? a.key.localeCompare(b.key, undefined, { numeric: true }) : by === "id" ? 0 : a[by] - b[by]) || a.at - b.at);
		list.append(...apps.map(app => app.article));
		rows.append(...apps.map(app => app.row));
	});
})();
