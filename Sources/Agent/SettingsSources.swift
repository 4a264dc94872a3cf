// Reads the settings files that the command line names. What they mean is decided in module Settings, without files.

internal import Bytes
internal import Platform
package import Settings

/// Why the agent does not start. Its description is what the user reads.
package enum StartError: Error, CustomStringConvertible {
    case settings(SettingsError)
    case world(String)

    package var description: String {
        switch self {
        case .settings(let error): error.description
        case .world(let reason): reason
        }
    }
}

/// What `${NAME}` and `${file:/path}` are in this process.
package let processVariables = SettingsVariables(
    environment: { (name) throws(VariableError) in
        guard let bytes = environmentBytes(name) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw VariableError(reason: "the environment variable \(name) is not a text in UTF-8")
        }
        return text
    },
    readFile: { (path) throws(VariableError) in
        /// A secret is a line; what is much longer is another file than the one that was meant.
        let secretLimitBytes = 64 << 10
        do throws(Errno) { return try readWhole(path, limit: secretLimitBytes) } catch {
            throw VariableError(reason: "\(path): \(fault(error, limitBytes: secretLimitBytes))")
        }
    })

/// Settings for thousands of files are a tenth of this.
private let settingsLimitBytes = 4 << 20

/// Our own limits are said: the kernel's words for them are about others.
private func fault(_ error: Errno, limitBytes: Int) -> String {
    switch error {
    case .tooLarge: "is larger than \(sizeText(limitBytes))"
    case .noSeeking: "is a pipe, and no file"
    default: error.description
    }
}

/// Reads `paths` in their order and merges them. A directory stands for its `*.json`, sorted by name; only what is
/// named is read.
///
/// Without `paths` it is the default file, which need not be there when `mayBeMissing`.
package func readSettings(
    _ paths: [String], variables: SettingsVariables = processVariables, mayBeMissing: Bool = false
) throws(StartError) -> SettingsValue {
    var files: [SettingsFile] = []
    for path in paths.isEmpty ? [CommandLineArguments.defaultConfigPath] : paths {
        do throws(Errno) {
            let isDirectory = try FileStatus(of: path).kind == .directory
            for file in isDirectory ? try settingsFiles(in: Path(path)) : [Path(path)] {
                let bytes = try readWhole(file, limit: settingsLimitBytes)
                files.append(SettingsFile(name: file.repaired, bytes: bytes))
            }
        } catch {
            if error == .notFound, mayBeMissing, paths.isEmpty { break }
            let hint = error == .notFound && paths.isEmpty ? "; name a settings file with --config" : ""
            throw .world("cannot read the settings \(path): \(fault(error, limitBytes: settingsLimitBytes))\(hint)")
        }
    }
    if files.isEmpty, !paths.isEmpty {
        throw .world("no *.json in \(paths.joined(separator: ", ")): there are no settings")
    }
    do throws(SettingsError) { return try loadSettings(files, variables: variables) } catch {
        throw .settings(error)
    }
}

private func settingsFiles(in directory: Path) throws(Errno) -> [Path] {
    let names = try directoryEntries(directory).filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
    return names.map { directory / $0 }
}

/// The directory that `--state-directory` names: whoever types a relative path means the one where they are. Where that
/// is not UTF-8, the path stays relative, and is refused as one.
package func absoluteStateDirectory(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    return (currentDirectory() / path).text ?? path
}

extension SettingsValue {
    /// With what the command line says instead of what the files say.
    package func overridden(by arguments: CommandLineArguments) -> SettingsValue {
        let start = TextPosition(line: 1, column: 1)
        var tree = self
        if let directory = arguments.stateDirectory {
            let path = SettingsValue(
                .string(absoluteStateDirectory(directory)), file: "--state-directory", position: start)
            tree = tree.replacing(["state_directory"], with: path)
        }
        if !arguments.listen.isEmpty {
            let addresses = arguments.listen.map { SettingsValue(.string($0), file: "--listen", position: start) }
            tree = tree.replacing(
                ["endpoint", "listen"], with: SettingsValue(.array(addresses), file: "--listen", position: start))
        }
        return tree
    }
}
