// Waiting for a condition, never for a time.

import Foundation

/// True as soon as `condition` is, false when it is not by the deadline. Never makes a test right by its length.
package func eventually(within limit: TimeInterval = 20, _ condition: () -> Bool) -> Bool {
    let deadline = ProcessInfo.processInfo.systemUptime + limit
    while !condition() {
        if ProcessInfo.processInfo.systemUptime > deadline { return false }
        usleep(1_000)
    }
    return true
}
