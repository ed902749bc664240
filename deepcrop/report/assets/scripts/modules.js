// The page's scripts, one module a file. Browsers load no ES modules from a file URL, so `define` and
// `use` stand in for export and import. The other files may be joined in any order.
const factories = new Map();
const modules = new Map();

// A module's factory is called once, with the modules that it imports; what it returns is the module.
function define(name, imports, factory) {
  factories.set(name, { imports, factory });
}

function use(name) {
  if (!modules.has(name)) {
    if (!factories.has(name)) throw new Error(`no module ${name}, or one that imports itself`);
    const { imports, factory } = factories.get(name);
    factories.delete(name);
    modules.set(name, factory(...imports.map((each) => use(each))));
  }
  return modules.get(name);
}
