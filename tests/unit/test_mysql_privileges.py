"""What a login may see, read from its grants as MySQL 5.7, MySQL 8 and MariaDB write them."""

from __future__ import annotations

import pytest

from airflow_dbaas.verification.mysql import privileges


@pytest.mark.parametrize(
    ("lines", "dbname", "given"),
    [
        (["GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION"], "any", True),
        (["GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*D8'"], "any", False),
        (["GRANT SELECT, TRIGGER, CREATE ROLE ON *.* TO `a`@`%`", "GRANT SHOW_ROUTINE ON *.* TO `a`@`%`"], "any", True),
        (["GRANT SELECT, EVENT ON *.* TO `a`@`%`"], "any", False),
        (["GRANT `r`@`%` TO `a`@`%`", "GRANT TRIGGER ON `shop`.* TO `r`"], "shop", True),
        (["GRANT TRIGGER ON `shop`.* TO `a`@`%`"], "shop2", False),
        (["GRANT TRIGGER ON `shop`.`one` TO `a`@`%`"], "shop", False),
        (["GRANT TRIGGER ON `shop%`.* TO `a`@`%`"], "shop2", True),
        (["GRANT TRIGGER ON `shop_`.* TO `a`@`%`"], "shop2", True),
        (["GRANT TRIGGER ON `shop\\_`.* TO `a`@`%`"], "shop2", False),
        (["GRANT TRIGGER ON `shop\\_`.* TO `a`@`%`"], "shop_", True),
        (["GRANT TRIGGER ON `a``b`.* TO `a`@`%`"], "a`b", True),
        (["GRANT SELECT, TRIGGER ON *.* TO `a`@`%`", "REVOKE TRIGGER ON `shop`.* FROM `a`@`%`"], "shop", False),
        (["GRANT SELECT, TRIGGER ON *.* TO `a`@`%`", "REVOKE TRIGGER ON `shop`.* FROM `a`@`%`"], "other", True),
        (["GRANT EXECUTE ON PROCEDURE `shop`.`trigger` TO `a`@`%`", "GRANT PROXY ON ''@'' TO 'a'@'%'"], "shop", False),
    ],
)
def test_grants(lines: list[str], dbname: str, given: bool) -> None:
    """TRIGGER on a database, by name or pattern, of the login or of its role, unless it is taken away again."""
    assert privileges.parsed(lines).has("TRIGGER", dbname) is given
