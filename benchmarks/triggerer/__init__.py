"""What a thousand waiting triggers cost a triggerer, ours beside the dbt Cloud provider's."""
