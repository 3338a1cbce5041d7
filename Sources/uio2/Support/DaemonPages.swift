import AccessKeys
import ControlDaemon
import RobotInterface
import Synchronization
import WebServer

/// What a daemon tells whoever looks after it, over HTTP. The pages are made on the servers' thread, from a copy of the counts.
final class DaemonPages: Sendable {
  private let daemon = Mutex<ControlDaemon?>(nil)
  private let isOpen: Bool
  private let keys: KeyRing?

  /// - Parameters:
  ///   - isOpen: whether other machines can command robots here and nobody is authenticated.
  ///   - keys: whose refusals are counted.
  init(isOpen: Bool, keys: KeyRing? = nil) {
    self.isOpen = isOpen
    self.keys = keys
  }

  /// The pages are about this daemon from now on.
  func follow(_ daemon: ControlDaemon) { self.daemon.withLock { $0 = daemon } }

  private var metrics: DaemonMetrics { daemon.withLock { $0?.metrics } ?? DaemonMetrics() }

  /// By path.
  var routes: [String: @Sendable (WebRequest) -> WebResponse] {
    [
      "/healthz": { [self] _ in
        WebResponse(isOpen ? "OK\ninsecure: other machines can connect, and nobody is authenticated\n" : "OK\n")
      },
      "/readyz": { [self] _ in
        metrics.isReady ? WebResponse("ready\n") : WebResponse(status: 503, "the policy is not warm\n")
      },
      "/metrics": { [self] _ in
        WebResponse(
          Self.text(metrics, refusals: keys?.refusals), contentType: "text/plain; version=0.0.4; charset=utf-8")
      },
    ]
  }

  // MARK: Prometheus' text

  /// Everything, in the text format 0.0.4.
  ///
  /// - Parameter refusals: of a daemon that has keys.
  static func text(_ metrics: DaemonMetrics, refusals: [KeyRing.Refusal: UInt64]? = nil) -> String {
    var text = ""
    func family(_ name: String, _ kind: String, _ help: String, _ series: [(labels: String, value: String)]) {
      text += "# HELP uio2_\(name) \(help)\n# TYPE uio2_\(name) \(kind)\n"
      for line in series { text += "uio2_\(name)\(line.labels) \(line.value)\n" }
    }
    family("ready", "gauge", "Whether the policy is warm.", [("", metrics.isReady ? "1" : "0")])
    family("requests_total", "counter", "Messages received, broken ones included.", [("", "\(metrics.requests)")])
    family("chunks_total", "counter", "Observations answered with commands.", [("", "\(metrics.chunks)")])
    family("generations_total", "counter", "Questions answered.", [("", "\(metrics.generations)")])
    family(
      "errors_total", "counter", "Requests answered with an error.",
      RobotError.Code.allCases.map { ("{code=\"\($0)\"}", "\(metrics.errors[$0] ?? 0)") })
    family(
      "limited_actions_total", "counter", "Actions that the safety envelope changed.",
      [("", "\(metrics.limitedActions)")])
    family(
      "lost_replies_total", "counter", "Replies whose client had gone or did not read.",
      [("", "\(metrics.lostReplies)")]
    )
    if let refusals {
      family(
        "refused_clients_total", "counter", "Clients without a key that is known.",
        KeyRing.Refusal.allCases.map { ("{reason=\"\($0.rawValue)\"}", "\(refusals[$0] ?? 0)") })
    }
    family("sessions", "gauge", "Sessions whose episode is remembered.", [("", "\(metrics.sessions)")])
    family(
      "known_sessions", "gauge", "Sessions whose owner and stop are remembered.", [("", "\(metrics.knownSessions)")])
    text += "# HELP uio2_stage_seconds Time of each stage of the answered observations.\n"
    text += "# TYPE uio2_stage_seconds histogram\n"
    for stage in Stage.allCases {
      text += histogram("stage_seconds", "stage=\"\(stage.name)\"", metrics.stages[stage] ?? LatencyHistogram())
    }
    text += "# HELP uio2_answer_seconds From an observation's arrival to its commands' departure.\n"
    text += "# TYPE uio2_answer_seconds histogram\n"
    return text + histogram("answer_seconds", "", metrics.answerTime)
  }

  /// Buckets of one octave each, from 1 ms to 17 s.
  private static func histogram(_ name: String, _ label: String, _ times: LatencyHistogram) -> String {
    var text = ""
    let comma = label.isEmpty ? "" : ","
    for exponent in 20...34 {
      let bound = UInt64(1) << UInt64(exponent)
      text += "uio2_\(name)_bucket{\(label)\(comma)le=\"\(Double(bound) / 1e9)\"} \(times.count(below: bound))\n"
    }
    let braces = label.isEmpty ? "" : "{\(label)}"
    text += "uio2_\(name)_bucket{\(label)\(comma)le=\"+Inf\"} \(times.count)\n"
    return text + "uio2_\(name)_sum\(braces) \(Double(times.sum) / 1e9)\nuio2_\(name)_count\(braces) \(times.count)\n"
  }
}
