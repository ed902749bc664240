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

  return { aspectLabel, formatBytes, formatCount };
});
