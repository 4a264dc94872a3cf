// An input that reads what an output of the same agent writes. Where a route, or a chain of routes, leads from that
// input to that output, every record would come back as a new one, for ever.

internal import Bytes
internal import Durable
internal import Inputs
internal import Outputs
internal import Settings

/// An input that reads what is written here.
package struct Feedback: Equatable, Sendable, CustomStringConvertible {
    package let input: String
    package let path: String
    /// nil when it is the agent's own state, which changes with every record of the input's route.
    package let output: String?

    package var description: String {
        "input \(input) reads \(path), which \(output.map { "output \($0)" } ?? "the agent itself") writes"
    }
}

/// Of all that is in some route; `inputs` and `outputs` stand in the order of the settings.
func findFeedback(
    _ settings: AgentSettings, _ inputs: [any Input], _ outputs: [any Output]
) -> [Feedback] {
    var written: [(output: String?, files: [String])] = []
    for (plugin, output) in zip(settings.outputs, outputs)
    where settings.routes.contains(where: { $0.to == plugin.name }) {
        written.append((plugin.name, output.writtenFiles))
    }
    var found: [Feedback] = []
    for (plugin, input) in zip(settings.inputs, inputs) {
        let routes = settings.routes.filter { $0.from == plugin.name }
        guard !routes.isEmpty else { continue }
        let cursors = routes.map {
            cursorPath(stateDirectory: settings.stateDirectory, input: $0.from, output: $0.to)
        }
        let candidates = written + [(nil, cursors)]
        let read = Set(input.filesRead(among: candidates.flatMap(\.files).map { Path($0) }))
        for (output, files) in candidates {
            guard let path = files.first(where: { read.contains(Path($0)) }) else { continue }
            found.append(Feedback(input: plugin.name, path: path, output: output))
        }
    }
    return found
}

/// - Throws: `SettingsError` at the route with which the first of `feedback` begins that comes round.
func refuseLoops(_ feedback: [Feedback], _ routes: [RouteSettings]) throws(SettingsError) {
    for back in feedback {
        guard let chain = shortestChain(of: back, feedback, routes), let first = chain.first else { continue }
        let way = chain.map { "\($0.from) to \($0.to)" }.joined(separator: ", ")
        throw first.error(
            "\(back): what it ships would come back for ever\(chain.count > 1 ? " (\(way))" : ""); "
                + "leave that file out with \"exclude\"")
    }
}

/// The routes that lead from the input to the output; nil when none do.
private func shortestChain(
    of back: Feedback, _ feedback: [Feedback], _ routes: [RouteSettings]
) -> [RouteSettings]? {
    var chains = routes.filter { $0.from == back.input }.map { [$0] }
    guard let goal = back.output else { return chains.first }
    var seen: Set<String> = [back.input]
    var next = 0
    while next < chains.count {
        let chain = chains[next]
        next += 1
        guard let output = chain.last?.to else { continue }
        if output == goal { return chain }
        for reader in feedback where reader.output == output && seen.insert(reader.input).inserted {
            chains += routes.filter { $0.from == reader.input }.map { chain + [$0] }
        }
    }
    return nil
}
