#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <rgrid/adapters/sqlite/lost.hpp>
#include <rgrid/base/result.hpp>
#include <string>

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// Tells whether the files that this program has open are still those that others find at the path.
///
/// A file that is deleted or replaced lives on for who has it open: SQLite would go on acknowledging what nobody will
/// ever see. The journal and its index count too, since two programs with different ones do not see each other's locks.
/// Put back as they were they are the same files again, and so is the store.
///
/// Thread safety: all methods from any thread.
class Anchor {
public:
    /// Takes what is at `path` for what `connection` has open. Throws SqliteFailure if it is not.
    Anchor(std::string const& path, Connection& connection);

    /// Of a store whose time is `base` plus the machine's steady time.
    Anchor(std::string const& path, Connection& connection, Duration base) : Anchor(path, connection) { base_ = base; }

    /// What became of the files, or of their content when it was last checked; nothing if they are in place. Costs
    /// three looks at the folder.
    [[nodiscard]] std::optional<Lost> lost() const;

    /// The same as the answer of a call: `denied`, since an operator has to act, or `retry_later` if the folder cannot
    /// be looked at now.
    [[nodiscard]] std::optional<Error> error() const;

    /// Throws SqliteFailure if another store's content has been restored into the files: what this program knows of the
    /// store's clock is wrong then, and the store counts as replaced.
    void check_content(Connection& connection) const;

private:
    struct File {
        std::string path;
        dev_t device = 0;
        ino_t number = 0;
    };
    struct Look {
        std::optional<Lost> lost;
        std::string problem;  ///< Why it is not known.
    };

    [[nodiscard]] Look look() const;

    std::array<File, 3> files_;
    Duration base_{0};
    std::shared_ptr<std::atomic<bool>> other_content_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace rgrid::sqlite
