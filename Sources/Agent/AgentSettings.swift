// The top of agent.json as values: what is the agent's own, and the sections that are handed to collectors, inputs and
// outputs.

internal import Bytes
internal import Delivery
internal import Outputs
package import Platform
package import Procfs
package import Settings

/// One member of `inputs` or of `outputs`.
package struct PluginSettings: Sendable {
    package let name: String
    package let type: String
    /// What is left for the plug-in; each route makes its own from a copy.
    package let section: SettingsSection
    /// Sent with every record. Outputs have none.
    package let fields: [(name: String, value: String)]
}

package struct RouteSettings: Sendable {
    package let from: String
    package let to: String
    private let section: SettingsSection

    init(from: String, to: String, section: SettingsSection) {
        self.from = from
        self.to = to
        self.section = section
    }

    package var place: String { "\(section.file):\(section.position.line):\(section.position.column)" }

    package func error(_ reason: String) -> SettingsError { section.error(reason) }
}

/// The types that the agent was built with.
package struct KnownTypes: Sendable {
    package let inputs: [String]
    package let outputs: [String]

    package init(inputs: [String], outputs: [String]) {
        self.inputs = inputs
        self.outputs = outputs
    }
}

package struct AgentSettings: Sendable {
    package let stateDirectory: String
    package let host: Host
    /// Those of `host` that stand in the settings.
    package let hostPaths: [(key: String, path: String)]
    package let logLevel: LogLevel
    /// How long a stop waits for what is under way.
    package let drainTimeout: Duration
    /// Of the batches of all routes together.
    package let memoryLimit: Int
    private let delivery: SettingsSection
    /// Left for `Endpoint`; nil when `listen` is an empty list.
    package let endpoint: SettingsSection?
    /// As they stand in the settings; the default when they do not.
    package let listen: [String]
    /// Left for `Scraper`.
    package let collectors: SettingsSection
    package let inputs: [PluginSettings]
    package let outputs: [PluginSettings]
    package let routes: [RouteSettings]
    /// What works, and is likely not meant.
    package let warnings: [String]

    package static let defaultStateDirectory = "/var/lib/vitals"
    package static let defaultMemoryLimit = 64 << 20
    package static let defaultListen = ["127.0.0.1:9100"]

    /// Reads everything but what is inside the sections of others. Those are read by whoever is made from them.
    package init(_ tree: SettingsValue, known: KnownTypes) throws(SettingsError) {
        var top = try SettingsSection(tree, path: "")
        stateDirectory = try Self.path("state_directory", in: &top, default: Self.defaultStateDirectory)
        drainTimeout = try top.duration("drain_timeout", default: .seconds(5), in: .zero ... .seconds(300))
        delivery = try top.section("delivery")
        memoryLimit = try Self.memoryLimit(delivery)
        (host, hostPaths) = try Self.host(try top.section("host"))
        logLevel = try Self.logLevel(try top.section("log"))
        let endpoint = try top.section("endpoint")
        var peeked = endpoint
        listen = try peeked.strings("listen", default: Self.defaultListen)
        self.endpoint = listen.isEmpty ? nil : endpoint
        collectors = try top.section("collectors")
        inputs = try Self.plugins(try top.section("inputs"), "input", known.inputs, haveFields: true)
        outputs = try Self.plugins(try top.section("outputs"), "output", known.outputs, haveFields: false)
        routes = try Self.routes(try top.sections("routes"), inputs.map(\.name), outputs.map(\.name))
        try top.finish()
        let routes = routes
        warnings =
            inputs.filter { input in !routes.contains { $0.from == input.name } }
            .map { "input \($0.name) is in no route: it is not read" }
            + outputs.filter { output in !routes.contains { $0.to == output.name } }
            .map { "output \($0.name) is in no route: it gets nothing" }
            + inputs.flatMap { misnamedFields(in: $0.section) }
    }

    // MARK: Parts

    private static func path(
        _ key: String, in section: inout SettingsSection, default fallback: String
    ) throws(SettingsError) -> String {
        guard let value = section.value(key) else { return fallback }
        guard case .string(let text) = value.content, text.hasPrefix("/") else {
            throw value.error(section.pathOf(key), "expected a path that begins with /")
        }
        return text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    private static func host(
        _ section: consuming SettingsSection
    ) throws(SettingsError) -> (Host, given: [(key: String, path: String)]) {
        let given = section.keys
        let host = Host(
            proc: try path("proc", in: &section, default: "/proc"),
            sys: try path("sys", in: &section, default: "/sys"),
            root: try path("root", in: &section, default: "/"),
            udev: try path("udev", in: &section, default: "/run/udev/data"))
        try section.finish()
        let paths = [("proc", host.proc), ("sys", host.sys), ("root", host.root), ("udev", host.udev)]
        // Without the kernel's tables hardly anything can be measured.
        return (host, paths.filter { given.contains($0.0) || $0.0 == "proc" })
    }

    private static func memoryLimit(_ section: consuming SettingsSection) throws(SettingsError) -> Int {
        let limit = try section.size("memory_limit", default: defaultMemoryLimit, in: 1 << 20...1 << 40)
        try section.finish()
        return limit
    }

    /// About a limit that does not do for the routes.
    func memoryError(_ reason: String) -> SettingsError { delivery.error(at: "memory_limit", reason) }

    private static func logLevel(_ section: consuming SettingsSection) throws(SettingsError) -> LogLevel {
        let value = section.value("level")
        try section.finish()
        guard let value else { return .info }
        guard case .string(let name) = value.content, let level = LogLevel(name: name) else {
            let words = LogLevel.allCases.map { "\"\($0.name)\"" }.joined(separator: ", ")
            throw value.error("log.level", "expected one of \(words)")
        }
        return level
    }

    private static func plugins(
        _ section: consuming SettingsSection, _ kind: String, _ knownTypes: [String], haveFields: Bool
    ) throws(SettingsError) -> [PluginSettings] {
        var plugins: [PluginSettings] = []
        for name in section.keys {
            var own = try section.section(name)
            guard isSafeName(name) else { throw own.error("a name has letters, digits, '_', '-' and '.', at most 64") }
            let path = own.pathOf("type")
            guard let value = own.value("type") else {
                throw own.error("\"type\" is missing: expected one of \(quoted(knownTypes))")
            }
            guard case .string(let type) = value.content else { throw value.error(path, "expected text in quotes") }
            guard knownTypes.contains(type) else {
                throw value.error(path, unknown("\(kind) type", type, knownTypes))
            }
            let fields = haveFields ? try own.table("fields") : []
            for (name, _) in fields {
                if let fault = RecordJSON.fault(ofField: name) { throw own.error(at: "fields", member: name, fault) }
            }
            plugins.append(PluginSettings(name: name, type: type, section: own, fields: fields))
        }
        return plugins
    }

    private static func routes(
        _ sections: [SettingsSection], _ inputs: [String], _ outputs: [String]
    ) throws(SettingsError) -> [RouteSettings] {
        var routes: [RouteSettings] = []
        for var section in sections {
            let from = try end("from", of: &section, "input", inputs)
            let to = try end("to", of: &section, "output", outputs)
            try section.finish()
            if let before = routes.first(where: { $0.from == from && $0.to == to }) {
                throw section.error("the route from \(from) to \(to) stands already at \(before.place)")
            }
            routes.append(RouteSettings(from: from, to: to, section: section))
        }
        return routes
    }

    /// The input or the output that a route names.
    private static func end(
        _ key: String, of section: inout SettingsSection, _ kind: String, _ known: [String]
    ) throws(SettingsError) -> String {
        guard let value = section.value(key) else {
            throw section.error("\"\(key)\" is missing: expected the name of an \(kind)")
        }
        guard case .string(let name) = value.content else {
            throw value.error(section.pathOf(key), "expected the name of an \(kind)")
        }
        guard known.contains(name) else { throw value.error(section.pathOf(key), unknown(kind, name, known)) }
        return name
    }

    private static func unknown(_ what: String, _ name: String, _ known: [String]) -> String {
        if let near = nearest(to: name, among: known) {
            return "unknown \(what) \"\(name)\", did you mean \"\(near)\"?"
        }
        return known.isEmpty
            ? "unknown \(what) \"\(name)\": there is none"
            : "unknown \(what) \"\(name)\"; known are \(quoted(known))"
    }

    private static func quoted(_ words: [String]) -> String {
        words.map { "\"\($0)\"" }.joined(separator: ", ")
    }

    /// A name stands in label values, in names of files and in templates.
    private static func isSafeName(_ name: String) -> Bool {
        let isSafe = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isSafe && (1...64).contains(name.utf8.count) && !name.hasPrefix(".") && !name.hasPrefix("-")
    }
}

extension SettingsValue {
    /// With `value` at `keys` instead of what stands there: what the command line says about it. A path through
    /// something that is no object changes nothing, and is an error soon after.
    package func replacing(_ keys: ArraySlice<String>, with value: SettingsValue) -> SettingsValue {
        guard let key = keys.first else { return value }
        guard case .object(var members) = content else { return self }
        if let index = members.firstIndex(where: { $0.key == key }) {
            members[index].value = members[index].value.replacing(keys.dropFirst(), with: value)
        } else {
            let empty = SettingsValue(.object([]), file: value.file, position: value.position)
            members.append(
                Member(
                    key: key, keyPosition: value.position, file: value.file,
                    value: empty.replacing(keys.dropFirst(), with: value)))
        }
        var changed = self
        changed.content = .object(members)
        return changed
    }
}
