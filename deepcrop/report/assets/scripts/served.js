// What the review server tells the page: the reviewer's name, and how often to ask. Null in a page from a file.
define("served", [], () => JSON.parse(document.documentElement.dataset.served ?? "null"));
