// What inputs of the same name have in common: each route has an input of its own, and a port can be had once.

internal import Synchronization

/// Shared by all inputs of an agent.
package final class InputShares: Sendable {
    private let emf = Mutex<[String: EMFListener]>([:])

    package init() {}

    /// It waits for the spools of all who have asked for it.
    func emfListener(of input: String, _ make: () -> EMFListener) -> EMFListener {
        let made = make()
        let listener = emf.withLock { listeners in
            if let listener = listeners[input] { return listener }
            listeners[input] = made
            return made
        }
        listener.expectSpool()
        return listener
    }
}
