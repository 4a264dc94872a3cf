// The proxy of an output whose password, or all of it, stands in a file: `"http://vitals:${file:/etc/secret}@proxy"`.
// It is read again when the file changes, and after each refusal.

internal import HTTP
internal import Platform
internal import Settings
internal import Synchronization

/// Shared by all clients of the same settings; what it holds is a secret.
final class LiveProxy: Sendable {
    /// How long a request waits for the file to be looked at: its file system may hang.
    private static let patience: Duration = .milliseconds(250)
    private static let pause: Duration = .seconds(1)

    private struct Reading {
        var text: LiveText
        /// Why the file was not taken.
        var fault: String?
    }

    private let template: String
    private let look: FileLook<Reading>
    private let known: Mutex<(value: String, fault: String?)>

    /// Nil when nothing of it stands in a file.
    init?(_ text: LiveText?) {
        guard let text, !text.files.isEmpty else { return nil }
        template = text.template
        known = Mutex((text.value, nil))
        let read: @Sendable (inout Reading, [FileFinding]) -> Void = { reading, _ in
            do throws(VariableError) {
                var isWrong = false
                _ = try reading.text.refresh { text in
                    isWrong = proxyFault(text) != nil
                    return !isWrong
                }
                // The fault itself may quote the secret.
                reading.fault = isWrong ? "\(reading.text.template) does not hold the address of a proxy" : nil
            } catch { reading.fault = error.reason }
        }
        look = FileLook("proxy files", text.files, content: Reading(text: text), pause: Self.pause, read: read)
    }

    /// What the file says, or what it said last; and a fault that was not there before. `isForced`: it is read although
    /// it does not look changed.
    func current(isForced: Bool = false) -> (value: String, newFault: String?) {
        guard let reading = look.lookAndWait(isForced: isForced, atMost: Self.patience) else {
            return (known.withLock { $0.value }, nil)
        }
        return known.withLock { known in
            let isNew = reading.fault != known.fault
            known = (reading.text.value, reading.fault)
            return (known.value, isNew ? reading.fault : nil)
        }
    }
}

extension LiveProxy: Hashable {
    /// The same file is the same proxy, whatever is in it.
    static func == (one: LiveProxy, other: LiveProxy) -> Bool { one.template == other.template }

    func hash(into hasher: inout Hasher) { hasher.combine(template) }
}
