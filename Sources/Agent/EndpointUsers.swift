// Hashes of passwords that stand in files: `"prometheus": "${file:/etc/vitals/prometheus.hash}"`. Secrets are renewed
// while the agent runs.

internal import Bytes
internal import HTTP
internal import Platform
internal import Settings
internal import Synchronization

/// The users of the endpoint, as their files are read again. Shared by the settings and the worker that reads.
final class EndpointUsers: Sendable {
    private struct State: Sendable {
        var texts: [(name: String, text: LiveText)]
        /// Said once, as long as they are the same.
        var faults: [String] = []
    }

    private let state: Mutex<State>
    private let log: AgentLog

    /// Nil when none of them stands in a file.
    init?(_ settings: EndpointSettings, log: AgentLog) {
        guard !settings.usersInFiles.isEmpty else { return nil }
        state = Mutex(State(texts: settings.usersInFiles))
        self.log = log
    }

    /// All users, when one has changed; nil when none has. What cannot be read, or is no hash, changes nothing. Called
    /// by one worker: it waits for the files without the lock.
    func readAgain() -> [String: BcryptHash]? {
        var texts = state.withLock { $0.texts }
        var faults: [String] = []
        var changed: [String] = []
        for index in texts.indices {
            let name = String(printable: texts[index].name)
            let option = "endpoint.users.\(name)"
            do throws(VariableError) {
                var isHash = true
                let isNew = try texts[index].text.refresh { text in
                    isHash = BcryptHash(text) != nil
                    return isHash
                }
                if isNew { changed.append(name) }
                if !isHash { faults.append("\(option): \(texts[index].text.template) holds no bcrypt hash") }
            } catch { faults.append("\(option): \(error.reason)") }
        }
        let isNewFault = state.withLock { state in
            state.texts = texts
            defer { state.faults = faults }
            return state.faults != faults
        }
        if isNewFault, !faults.isEmpty {
            log.warning(
                "passwords of the endpoint cannot be read again; what was known before counts on",
                ["reason": faults.joined(separator: "; ")])
        }
        guard !changed.isEmpty else { return nil }
        log.info("passwords of the endpoint were read again", ["users": changed.joined(separator: ", ")])
        return texts.reduce(into: [:]) { $0[$1.name] = BcryptHash($1.text.value) }
    }
}
