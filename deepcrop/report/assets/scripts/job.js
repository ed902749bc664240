// The job's facts, which the page's builder embeds.
define("job", [], () => JSON.parse(document.getElementById("facts-of-job").textContent));
