// Values as text.
define("format", [], () => {
  // "16x9" is shown as "16:9"; a size in pixels stays as it is.
  const aspectLabel = (aspect) => (aspect.endsWith("px") ? aspect : aspect.replace("x", ":"));
  const formatCount = (count) => count.toLocaleString("en");

  function formatBytes(count) {
    for (const unit of ["B", "kB", "MB", "GB"]) {
      if (count < 1000) return `${Number(count.toPrecision(3))} ${unit}`;
      count /= 1000;
    }
    return `${count.toPrecision(3)} TB`;
  }

  // A time in seconds since 1970, as this place has it.
  const formatTime = (seconds) => new Date(1000 * seconds).toLocaleString([], { dateStyle: "short", timeStyle: "short" });

  return { aspectLabel, formatBytes, formatCount, formatTime };
});
