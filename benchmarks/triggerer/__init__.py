"""What a thousand waiting triggers cost a triggerer: this provider's and the dbt Cloud provider's."""
