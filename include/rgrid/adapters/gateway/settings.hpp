#pragma once

#include <boost/describe/class.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/field.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <tuple>

namespace rgrid::gateway {

/// Through which agents on other machines work, without ever seeing the store.
struct GatewaySettings {
    std::string listen;
    std::string certificate;
    std::string key;
    std::string url;
    std::string ca;
    Secret secret;
    std::string agent;
    std::string folder;
    Duration claim_wait = 20s;
    Duration poll = 1s;
    Duration identity_time = 10s;
    Duration identity_retry = 1s;
    Duration call_time = 30s;
    Duration file_time = 10min;
    Duration link_time = 5min;
    Bytes max_report{4 * 1024 * 1024};
    Bytes max_file{std::int64_t{16} * 1024 * 1024 * 1024};
    int max_connections = 12'000;
    int max_connections_per_peer = 0;
    int handlers = 8;
    int file_handlers = 4;
    int max_files = 100;

    static constexpr auto rules = std::tuple{
        field(&GatewaySettings::listen, "Address and port, as \"0.0.0.0:8443\"; empty: there is no gateway here."),
        field(&GatewaySettings::certificate,
              "PEM file: its certificate and those between it and the authority; read again when it changes."),
        field(&GatewaySettings::key,
              "PEM file: the certificate's key. Without both, plain HTTP on loopback addresses only."),
        field(&GatewaySettings::url,
              "Where agents find it, as \"https://gateway.example:8443\". If set, new servers are given a token and work "
              "through it."),
        field(&GatewaySettings::ca, "PEM file with the authorities that agents believe; empty: their system's."),
        field(&GatewaySettings::secret,
              "Signs links to files and what agents are told; the same in all gateways of a fleet. A new one ends the "
              "workers that run. Empty: made and kept in the home folder."),
        field(&GatewaySettings::agent, "File that is offered to new servers as their agent; empty: none."),
        field(&GatewaySettings::folder,
              "Where files pass through on their way; empty: gateway in the home folder."),
        field(&GatewaySettings::claim_wait, "An agent that asks for jobs waits at most this long for one.", 0s, 10min),
        field(&GatewaySettings::poll, "While agents wait for jobs, the store is looked at this often.", 10ms, 1min),
        field(&GatewaySettings::identity_time,
              "Who may work is read again when it was read this long ago: so long a token may live on.", 0s, 10min),
        field(&GatewaySettings::identity_retry,
              "Because of a worker that is not known, it is read again no more often than this.", 0s, 1min),
        field(&GatewaySettings::call_time, "How long the store may take for an answer.", 1s, 10min),
        field(&GatewaySettings::file_time, "How long the file store may take for a file.", 1s, 24h),
        field(&GatewaySettings::link_time, "How long a link to a file can be used.", 1s, 24h),
        field(&GatewaySettings::max_report, "The largest report of results that is taken.", Bytes{64 * 1024},
              Bytes{1024 * 1024 * 1024}),
        field(&GatewaySettings::max_file, "The largest file that is taken.", Bytes{0}, Bytes{std::int64_t{1} << 50}),
        field(&GatewaySettings::max_connections, "Connections at a time.", 1, 1'000'000),
        field(&GatewaySettings::max_connections_per_peer,
              "Connections of one IPv4 address or IPv6 network of 64 bits; 0: no such limit.", 0, 1'000'000),
        field(&GatewaySettings::handlers, "Requests that are worked on at a time.", 1, 1024),
        field(&GatewaySettings::file_handlers,
              "Besides them, requests that wait for the file store; nobody else waits for it.", 1, 1024),
        field(&GatewaySettings::max_files,
              "Files that are on their way to the file store or asked of it at a time; whoever wants more is asked to come "
              "again.",
              1, 100'000)};

    friend bool operator==(GatewaySettings const&, GatewaySettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(GatewaySettings, (),
                      (listen, certificate, key, url, ca, secret, agent, folder, claim_wait, poll, identity_time,
                       identity_retry, call_time, file_time, link_time, max_report, max_file, max_connections,
                       max_connections_per_peer, handlers, file_handlers, max_files))

}  // namespace rgrid::gateway
