//! Runs Rhai scripts through the real `rhai` crate and writes down what it says.
//!
//! `oracle corpus <cases dir> <expected dir> <modules dir>` writes one JSON file a case file.
//! `oracle stream <modules dir>` answers one JSON line for every JSON line `{"source": …, "options": {…}}`.

use rhai::module_resolvers::StaticModuleResolver;
use rhai::{Dynamic, Engine, EvalAltResult, Module, OptimizationLevel, Position, Scope};
use serde_json::{json, Map, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::rc::Rc;

type Options = BTreeMap<String, i64>;

struct Case {
    name: String,
    options: Options,
    source: String,
}

/// A case starts at `//# name`; `//! key=value` lines directly under it set limits for that case.
fn cases_of(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.split('\n') {
        if let Some(name) = line.strip_prefix("//# ") {
            cases.push(Case { name: name.trim().to_string(), options: Options::new(), source: String::new() });
        } else if let Some(case) = cases.last_mut() {
            match line.strip_prefix("//! ") {
                Some(option) if case.source.is_empty() => {
                    let (key, value) = option.split_once('=').unwrap_or((option, "1"));
                    case.options.insert(key.trim().to_string(), value.trim().parse().unwrap_or(1));
                }
                _ => {
                    case.source.push_str(line);
                    case.source.push('\n');
                }
            }
        }
    }
    for case in &mut cases {
        case.source.truncate(case.source.trim_end_matches('\n').len());
    }
    cases
}

fn engine_of(options: &Options, level: OptimizationLevel, modules: &Path, output: Rc<RefCell<Vec<String>>>) -> Engine {
    let mut engine = Engine::new();
    engine.set_optimization_level(level);
    let size = |key: &str, default: i64| *options.get(key).unwrap_or(&default) as usize;
    engine.set_max_operations(*options.get("operations").unwrap_or(&2_000_000) as u64);
    engine.set_max_call_levels(size("call_levels", 64));
    engine.set_max_expr_depths(size("expr_depth", 64), size("function_expr_depth", 32));
    if options.contains_key("functions") { engine.set_max_functions(size("functions", 1000)); }
    if options.contains_key("modules") { engine.set_max_modules(size("modules", 100)); }
    if options.contains_key("string") { engine.set_max_string_size(size("string", 0)); }
    if options.contains_key("array") { engine.set_max_array_size(size("array", 0)); }
    if options.contains_key("map") { engine.set_max_map_size(size("map", 0)); }
    if !options.contains_key("eval") { engine.disable_symbol("eval"); }
    let printed = output.clone();
    engine.on_print(move |text| printed.borrow_mut().push(text.to_string()));
    engine.on_debug(move |text, _, pos| output.borrow_mut().push(format!("[debug {pos:?}] {text}")));

    let mut resolver = StaticModuleResolver::new();
    if let Ok(entries) = std::fs::read_dir(modules) {
        // A module may import those whose names come before its own
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(|entry| entry.path());
        for entry in entries {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let name = entry.path().file_stem().unwrap().to_string_lossy().to_string();
            // The limits of a case are for the case alone
            let mut plain = Engine::new();
            plain.set_module_resolver(resolver.clone());
            let ast = plain.compile(&text).unwrap();
            let module = Module::eval_ast_as_new(Scope::new(), &ast, &plain).unwrap();
            resolver.insert(name, module);
        }
    }
    engine.set_module_resolver(resolver);
    engine
}

/// The name of a closure is a hash that changes from build to build.
fn without_hashes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("anon$") {
        let after = at + 5;
        out.push_str(&rest[..after]);
        let hash = rest[after..].chars().take_while(char::is_ascii_hexdigit).count();
        rest = &rest[after + hash..];
    }
    out.push_str(rest);
    out
}

fn position_of(pos: Position, into: &mut Map<String, Value>) {
    if let Some(line) = pos.line() {
        into.insert("line".into(), json!(line));
        into.insert("position".into(), json!(pos.position().unwrap_or(0)));
    }
}

fn error_of(kind: &str, message: String, pos: Position) -> Value {
    let mut error = Map::new();
    error.insert("kind".into(), json!(kind));
    error.insert("message".into(), json!(without_hashes(&message)));
    position_of(pos, &mut error);
    Value::Object(error)
}

fn run_at(level: OptimizationLevel, source: &str, options: &Options, modules: &Path) -> Value {
    let output = Rc::new(RefCell::new(Vec::new()));
    let engine = engine_of(options, level, modules, output.clone());
    let mut answer = Map::new();
    let ast = match engine.compile(source) {
        Ok(ast) => ast,
        Err(err) => {
            answer.insert("error".into(), error_of("ErrorParsing", err.to_string(), err.position()));
            return Value::Object(answer);
        }
    };
    let result: Result<Dynamic, Box<EvalAltResult>> = engine.eval_ast_with_scope(&mut Scope::new(), &ast);
    match result {
        Ok(value) => {
            answer.insert("type".into(), json!(engine.map_type_name(value.type_name())));
            answer.insert("value".into(), json!(without_hashes(&format!("{value:?}"))));
        }
        Err(err) => {
            let kind = format!("{err:?}").split('(').next().unwrap_or("").to_string();
            answer.insert("error".into(), error_of(&kind, err.to_string(), err.position()));
        }
    }
    let lines: Vec<String> = output.borrow().iter().map(|line| without_hashes(line)).collect();
    if !lines.is_empty() {
        answer.insert("output".into(), json!(lines));
    }
    Value::Object(answer)
}

fn guarded(level: OptimizationLevel, source: &str, options: &Options, modules: &Path) -> Value {
    std::panic::catch_unwind(|| run_at(level, source, options, modules)).unwrap_or_else(|_| json!({"panic": true}))
}

/// What an engine says as it comes; where the optimizer changes the answer, what it says without, too.
fn answer_of(source: &str, options: &Options, modules: &Path) -> Value {
    let mut answer = guarded(OptimizationLevel::Simple, source, options, modules);
    let plain = guarded(OptimizationLevel::None, source, options, modules);
    if answer != plain {
        answer.as_object_mut().unwrap().insert("unoptimized".into(), plain);
    }
    answer
}

fn corpus(cases: &Path, expected: &Path, modules: &Path) {
    let mut files: Vec<_> = std::fs::read_dir(cases).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    let mut total = 0;
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "rhai")) {
        let text = std::fs::read_to_string(file).unwrap();
        let mut out = String::from("{\n");
        let list = cases_of(&text);
        for (i, case) in list.iter().enumerate() {
            let answer = answer_of(&case.source, &case.options, modules);
            out.push_str(&format!("{}: {}", json!(case.name), answer));
            out.push_str(if i + 1 < list.len() { ",\n" } else { "\n" });
        }
        out.push_str("}\n");
        total += list.len();
        let name = file.file_stem().unwrap().to_string_lossy().to_string() + ".json";
        std::fs::write(expected.join(name), out).unwrap();
    }
    println!("{total} cases in {} files", files.len());
}

fn stream(modules: &Path) {
    let stdout = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let options: Options = request["options"].as_object().map_or_else(Options::new, |o| {
            o.iter().map(|(k, v)| (k.clone(), v.as_i64().unwrap_or(1))).collect()
        });
        let answer = answer_of(request["source"].as_str().unwrap_or(""), &options, modules);
        let mut lock = stdout.lock();
        writeln!(lock, "{answer}").unwrap();
        lock.flush().unwrap();
    }
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let args: Vec<String> = std::env::args().collect();
    let work = move || match args.get(1).map(String::as_str) {
        Some("corpus") => corpus(Path::new(&args[2]), Path::new(&args[3]), Path::new(&args[4])),
        Some("stream") => stream(Path::new(&args[2])),
        _ => eprintln!("oracle corpus <cases> <expected> <modules> | oracle stream <modules>"),
    };
    std::thread::Builder::new().stack_size(512 << 20).spawn(work).unwrap().join().unwrap();
}
