#include "adapters/http/head.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace rgrid::http {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 507: return "Insufficient Storage";
        default: return "Status";
    }
}

/// What is written by whoever writes the head, so that it is right and there once.
bool belongs_to_transfer(std::string_view name) {
    constexpr std::array names{"content-length", "transfer-encoding", "connection", "keep-alive", "host", "date",
                               "expect",         "upgrade",           "te",         "trailer"};
    return std::ranges::any_of(names, [&](std::string_view known) { return same_name(known, name); });
}

void append(std::string& head, std::string_view name, std::string_view value) {
    ((((head += name) += ": ") += value) += "\r\n");
}

void append(std::string& head, std::vector<Header> const& headers) {
    for (auto const& header : headers)
        if (!belongs_to_transfer(header.name)) append(head, header.name, header.value);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) {
    auto const allowed = [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
               std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::ranges::all_of(text, allowed);
}

bool is_target(std::string_view text) {
    return text.starts_with('/') && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

std::string date_text(Instant instant) {
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto const day = std::chrono::floor<std::chrono::days>(instant);
    std::chrono::year_month_day const date{day};
    std::chrono::hh_mm_ss const time{std::chrono::floor<std::chrono::seconds>(instant - day)};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  days[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text.data();
}

std::string head_of(Response const& response, std::uint64_t length, std::string_view date, After after) {
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
    (head += reason_of(response.status)) += "\r\n";
    append(head, "Date", date);
    append(head, response.headers);
    if (response.status != 204 && response.status != 304) append(head, "Content-Length", std::to_string(length));
    if (after == After::close) append(head, "Connection", "close");
    if (after == After::keep_if_told) append(head, "Connection", "keep-alive");
    return head += "\r\n";
}

std::string head_of(Request const& request, std::uint64_t length, std::string_view host) {
    std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
    append(head, "Host", host);
    append(head, request.headers);
    bool const bodiless = request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
    if (length > 0 || !bodiless) append(head, "Content-Length", std::to_string(length));
    return head += "\r\n";
}

}  // namespace rgrid::http
