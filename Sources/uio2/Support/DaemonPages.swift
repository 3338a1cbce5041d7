import AccessKeys
import ControlDaemon
import PrometheusMetrics
import RobotInterface
import Synchronization
import WebServer

/// What a daemon tells whoever looks after it, over HTTP. The pages are made on the servers' thread.
final class DaemonPages: Sendable {
  private let daemon = Mutex<ControlDaemon?>(nil)
  private let isOpen: Bool
  /// Where the daemon counts, and what `/metrics` shows.
  let registry = MetricsRegistry(declarations)

  /// - Parameters:
  ///   - isOpen: whether other machines can command robots here and nobody is authenticated.
  ///   - keys: whose refusals are counted.
  init(isOpen: Bool, keys: KeyRing? = nil) {
    self.isOpen = isOpen
    guard let keys else { return }
    for refusal in KeyRing.Refusal.allCases {
      registry.show("uio2_refused_clients_total", [("reason", refusal.rawValue)], .counter) {
        Double(keys.refusals[refusal] ?? 0)
      }
    }
  }

  /// The pages are about this daemon from now on.
  func follow(_ daemon: ControlDaemon) { self.daemon.withLock { $0 = daemon } }

  private var isReady: Bool { daemon.withLock { $0?.metrics.isReady } ?? false }

  /// By path.
  var routes: [String: @Sendable (WebRequest) -> WebResponse] {
    [
      "/healthz": { [self] _ in
        WebResponse(isOpen ? "OK\ninsecure: other machines can connect, and nobody is authenticated\n" : "OK\n")
      },
      "/readyz": { [self] _ in
        isReady ? WebResponse("ready\n") : WebResponse(status: 503, "the policy is not warm\n")
      },
      "/metrics": { [self] _ in
        WebResponse(registry.text(), contentType: MetricsRegistry.contentType)
      },
    ]
  }
}

extension DaemonPages {
  /// What a daemon counts, as docs/operation.md lists it.
  static let declarations: [MetricDeclaration] = [
    MetricDeclaration("uio2_ready", .gauge, "Whether the policy is warm."),
    MetricDeclaration("uio2_requests_total", .counter, "Requests that were answered, by wire and outcome."),
    MetricDeclaration(
      "uio2_answer_seconds", .histogram(buckets: MetricDeclaration.seconds),
      "From an observation's arrival to its commands' departure, by wire."),
    MetricDeclaration(
      "uio2_stage_seconds", .histogram(buckets: MetricDeclaration.seconds),
      "Time of each stage of the answered observations."),
    MetricDeclaration(
      "uio2_limited_commands_total", .counter, "Commands that the safety envelope changed, by the kind of limit."),
    MetricDeclaration("uio2_waiting_requests", .gauge, "Observations and questions that wait or are being decoded."),
    MetricDeclaration("uio2_sessions", .gauge, "Sessions whose episode is remembered, and all that are known."),
    MetricDeclaration("uio2_rejected_bytes_total", .counter, "Bytes of messages that could not be read, by wire."),
    MetricDeclaration(
      "uio2_lost_replies_total", .counter, "Replies whose client had gone or did not read, by wire."),
    MetricDeclaration("uio2_lost_events_total", .counter, "Events that subscribers were too slow for."),
    MetricDeclaration("uio2_refused_clients_total", .counter, "Clients without a key that is known, by reason."),
    MetricDeclaration("uio2_memory_bytes", .gauge, "Memory that the process uses, files left out."),
    MetricDeclaration("uio2_memory_ceiling_bytes", .gauge, "Memory beyond which the daemon ends."),
  ]
}
